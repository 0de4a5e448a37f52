import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { secretsManager, ShieldClient } from "llm-shield";
import { Authority, PATIENT } from "./server.js";

const moto = process.env["MOTO_SERVER"];
const skip = moto ? false : "no emulation of AWS: MOTO_SERVER names the program moto_server";

test("certificates out of Secrets Manager", { skip }, async (t) => {
  const config = {
    endpoint: await startMoto(t),
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const secrets = new SecretsManagerClient(config);
  const put = (Name: string, SecretString: string) => secrets.send(new CreateSecretCommand({ Name, SecretString }));
  const authority = new Authority(t);
  const text = () => {
    const directory = authority.directory();
    const read = (name: string) => readFileSync(join(directory, name), "utf8");
    return JSON.stringify({ ca: read("ca.crt"), cert: read("tls.crt"), key: read("tls.key") });
  };
  await put("shield/client", text());
  const { address } = await authority.serve({});
  const tls = secretsManager("shield/client", { config });
  const client = await ShieldClient.connect(address, { tls, onUnavailable: "block", serverName: "localhost", timeouts: PATIENT });
  t.after(() => client.close());
  assert.equal((await client.scan("a")).unavailable, undefined);
  const renewed = text();
  await secrets.send(new PutSecretValueCommand({ SecretId: "shield/client", SecretBinary: Buffer.from(renewed) }));
  await client.reload();
  assert.equal((await client.scan("a")).unavailable, undefined);
  assert.equal((await tls.load()).cert, (JSON.parse(renewed) as { cert: string }).cert);
  for (const [index, unfit] of ["PRIVATE", '{"ca": "A", "cert": "B"}', '["PRIVATE"]', "null"].entries()) {
    await put(`shield/${index}`, unfit);
    await assert.rejects(secretsManager(`shield/${index}`, { config }).load(), (error: Error) => !error.message.includes("PRIVATE"));
  }
});

async function startMoto(t: TestContext): Promise<string> {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as { port: number };
  free.close();
  const process: ChildProcess = spawn(moto!, ["--host", "127.0.0.1", "--port", String(port)], { stdio: "ignore" });
  t.after(() => process.kill("SIGKILL"));
  const endpoint = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await fetch(`${endpoint}/moto-api/data.json`).then((response) => response.ok, () => false)) break;
    await sleep(100);
  }
  return endpoint;
}
