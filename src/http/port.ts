/**
 * What an adapter supplies: one request and its response. Three members are required; each of the others improves something.
 */
export interface HttpPort {
  /** The request's method, such as `GET`. */
  readonly method: string;
  /** The path and query that the client asked for, such as `/cart?page=2`, before any router has cut it. */
  readonly url?: string | undefined;
  /**
   * A header of the request by its lower-case name; `undefined` or `null` if it was not sent. For `host`, over HTTP/2, the
   * `:authority`.
   */
  header(name: string): string | null | undefined;
  /** Adds a header to the response, beside others of that name. */
  appendHeader(name: string, value: string): void;
  /**
   * Whether `appendHeader` still has an effect. It has none once the headers are sent, and on an upgrade. Then `start` and
   * `rotate` refuse before they change anything. Without this member the answer is taken to be `true`.
   */
  writable?(): boolean;
  /**
   * Takes the cookie in parts, for frameworks that have such a function. Without this member `appendHeader` gets a
   * `Set-Cookie`.
   */
  setCookie?(name: string, value: string, attributes: CookieAttributes): void;
}

/** The attributes of a cookie (RFC 6265bis, 4.1.2). */
export interface CookieAttributes {
  readonly httpOnly: true;
  readonly secure: boolean;
  readonly sameSite: "lax" | "strict" | "none";
  readonly path: string;
  /** Absent for this host alone. */
  readonly domain?: string;
  /** Seconds; 0 takes the cookie back. Absent for a cookie that ends with the browser. */
  readonly maxAge?: number;
  /** Whether each site that shows this one in an iframe gets a cookie of its own (CHIPS). */
  readonly partitioned?: boolean;
}
