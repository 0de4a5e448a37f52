/** The messages of the schema. */
export * from "./gen/llm_shield/v1/audit.js";
export * from "./gen/llm_shield/v1/shield.js";
export * from "./gen/llm_shield/v1/types.js";
