/** What an adapter supplies: one request and its response, in three members. */
export interface HttpPort {
  /** The request's method, such as `GET`. */
  readonly method: string;
  /** A header of the request by its lower-case name; `undefined` where it was not sent. */
  header(name: string): string | undefined;
  /** Adds a header to the response, beside others of that name. */
  appendHeader(name: string, value: string): void;
}
