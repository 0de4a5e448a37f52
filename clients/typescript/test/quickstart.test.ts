import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { Harness, noServer } from "./harness.js";

const PROGRAM = "examples/quickstart.mjs";

test("the quick start is in README.md as it is run here", () => {
  const blocks = readFileSync("README.md", "utf8").match(/```js\n[^]*?```/g)!;
  assert.ok(readFileSync(PROGRAM, "utf8").endsWith(blocks[0]!.slice(6, -3)));
});

test("the quick start does what it says", { skip: noServer }, async () => {
  const harness = await Harness.start();
  try {
    const { dir } = harness.clients["all"]!;
    const target = harness.address.replace("127.0.0.1", harness.serverName);
    const wanted = [
      "blocked: false",
      "EMAIL_ADDRESS ada.lovelace@babbage-engines.com",
      "Write to [EMAIL_ADDRESS] 🚀",
      "Redact ACTION_REDACT",
      "Scan ACTION_REDACT",
    ].join("\n");
    // The first calls of a debug build on a busy machine may not keep their deadline.
    const give = Date.now() + 300_000;
    let said = "";
    while (said !== wanted && Date.now() < give) {
      said = (await promisify(execFile)(process.execPath, [PROGRAM, target, dir])).stdout.trimEnd();
    }
    assert.equal(said, wanted);
  } finally {
    await harness.stop();
  }
});
