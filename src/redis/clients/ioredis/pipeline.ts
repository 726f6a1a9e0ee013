/** What a pipeline of ioredis gave. It knows no command. */
import type { IoredisPipeline } from "./client.js";

/** Sends a pipeline, and gives the reply of its last command, or throws its error. */
export async function replyOf(pipeline: IoredisPipeline): Promise<unknown> {
  const [error, reply] = (await pipeline.exec())?.at(-1) ?? [new Error("The pipeline was not executed"), undefined];
  if (error !== null) throw error;
  return reply;
}
