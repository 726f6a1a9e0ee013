/** What the shop tells its clients went wrong; Fastify renders it. */
export class Problem extends Error {
  override name = "Problem";
  readonly statusCode: number;

  constructor(statusCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.statusCode = statusCode;
  }
}
