// Asks a server about a prompt.
//
//     node examples/quickstart.mjs localhost:8443 /etc/llm-shield/tls
import { directory, ShieldClient, slice } from "llm-shield";

const [target, tls] = process.argv.slice(2);
const client = await ShieldClient.connect(target, { tls: directory(tls), onUnavailable: "block" });

const prompt = "Write to ada.lovelace@babbage-engines.com 🚀";
const decision = await client.scan(prompt);
console.log("blocked:", decision.blocked);
for (const finding of decision.findings) {
  console.log(finding.entity, slice(prompt, finding.span));
}

const redacted = await client.redact(prompt);
console.log(redacted.contents[0]?.text);

for await (const { record } of client.audit({ newestFirst: true, limit: 2 })) {
  console.log(record.rpc, record.action);
}
client.close();
