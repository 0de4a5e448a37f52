/** The program that runs the real server; conformance/README.md has its protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { join } from "node:path";

/** The directory of the package; tests run in it. */
export const packageDirectory = process.cwd();
export const conformanceDirectory = join(packageDirectory, "../conformance");

export interface ClientFiles {
  dir: string;
  ca: string;
  cert: string;
  key: string;
}

/** Why the real server cannot be started, or undefined. */
export const noServer =
  process.env["LLM_SHIELD_BIN"] || ["debug", "release"].some((profile) => existsSync(`../../target/${profile}/llm-shield`))
    ? undefined
    : "no server's program: set LLM_SHIELD_BIN, or cargo build -p llm-shield";

export class Harness {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  address = "";
  serverName = "";
  clients: Record<string, ClientFiles> = {};

  static async start(): Promise<Harness> {
    const harness = new Harness();
    const ready = await harness.#read();
    harness.address = ready["address"] as string;
    harness.serverName = ready["server_name"] as string;
    harness.clients = ready["clients"] as Record<string, ClientFiles>;
    return harness;
  }

  private constructor() {
    const program = join(conformanceDirectory, "harness.py");
    this.#process = spawn("python3", [program], { stdio: ["pipe", "pipe", "inherit"] });
    this.#reader = createInterface({ input: this.#process.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Sends a command and returns what else the answer says. */
  async do(command: unknown): Promise<Record<string, unknown>> {
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
    const answer = await this.#read();
    if (answer["ok"] !== true) throw new Error(`the harness answers ${JSON.stringify(answer)} to ${JSON.stringify(command)}`);
    return answer;
  }

  /** How many requests of a method the server has had, whatever became of them. */
  async seen(method: string): Promise<number> {
    const { requests } = await this.do({ command: "requests" });
    const outcomes = (requests as Record<string, Record<string, number>>)[method] ?? {};
    return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  }

  /** Ends the server; the end of its input ends the harness. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin!.end();
    await ended;
    this.#reader.close();
  }

  async #read(): Promise<Record<string, unknown>> {
    const line = await this.#lines.next();
    if (line.done) throw new Error("the harness has ended");
    return JSON.parse(line.value) as Record<string, unknown>;
  }
}
