// Draws Graphviz sources: node draw.mjs GRAPHVIZ_MODULE OUT_DIRECTORY SOURCE.dot…
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

const [module, directory, ...sources] = process.argv.slice(2);
const { Graphviz } = await import(pathToFileURL(module));
const graphviz = await Graphviz.load();
for (const source of sources) {
  // Graphviz knows the widths of Arial's letters; a machine without Arial takes one that is about as wide.
  const svg = graphviz
    .layout(readFileSync(source, "utf8"), "svg", "dot")
    .replaceAll('font-family="Arial"', 'font-family="Arial,Helvetica,Liberation Sans,sans-serif"');
  writeFileSync(join(directory, basename(source, ".dot") + ".svg"), svg);
}
