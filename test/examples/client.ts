/** An HTTP client with a memory for cookies or a bearer token: a device, as a server sees it. */

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown;
}

export interface SendOptions {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a browser's form, which asks for a page. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as a browser's form with files. */
  readonly data?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Device {
  /** The bearer token to send, once there is one. */
  token: string | undefined;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #cookies = new Map<string, string>();

  /** `headers` go with every request. */
  constructor(base: string, headers: Readonly<Record<string, string>> = {}) {
    this.#base = base;
    this.#headers = headers;
  }

  /** All that it remembers, for a copy of it: what a thief would take. */
  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  get(path: string, options?: SendOptions): Promise<Reply> {
    return this.send("GET", path, options);
  }

  post(path: string, json?: unknown): Promise<Reply> {
    return this.send("POST", path, json === undefined ? {} : { json });
  }

  async send(method: string, path: string, { json, form, data, headers }: SendOptions = {}): Promise<Reply> {
    const all = new Headers({ ...this.#headers, ...(form && { accept: "text/html" }), ...headers });
    if (this.#cookies.size > 0 && !all.has("cookie")) all.set("cookie", this.cookie);
    if (this.token !== undefined && !all.has("authorization")) all.set("authorization", `Bearer ${this.token}`);
    if (json !== undefined) all.set("content-type", "application/json");
    const body =
      json !== undefined ? JSON.stringify(json) : form !== undefined ? new URLSearchParams(form) : (data ?? null);
    const response = await fetch(this.#base + path, { method, headers: all, body, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) this.#remember(line);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  #remember(line: string): void {
    const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    if (/;\s*Max-Age=0(;|$)/i.test(line)) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
