/** What a pipeline gave. It knows how clients tell it, and no command. */
import type { ScriptPipeline } from "./clients/client.js";

/** Sends a pipeline, and gives what became of its last command. */
export async function lastOf(pipeline: ScriptPipeline): Promise<[error: Error | null, result: unknown]> {
  return (await pipeline.exec())?.at(-1) ?? [new Error("The pipeline was not executed"), undefined];
}

/** The same of a pipeline that has one command: gives its reply, or throws its error. */
export async function replyOf(pipeline: ScriptPipeline): Promise<unknown> {
  const [error, reply] = await lastOf(pipeline);
  if (error !== null) throw error;
  return reply;
}
