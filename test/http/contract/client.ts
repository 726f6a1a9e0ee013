/** HTTP clients over a real socket: one that sends exactly the headers that it is given, and one that keeps cookies. */
import { type IncomingHttpHeaders, request } from "node:http";
import { parseSetCookie, type SetCookie } from "cookie";

/** Headers by name; an array sends the header several times. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Every `Set-Cookie`, taken apart. */
  readonly cookies: readonly SetCookie[];
  readonly body: string;
  /** The body as an object of JSON. */
  json(): Record<string, unknown>;
}

/** Sends one request on a connection of its own. `Host` and a length are all that is added. */
export function send(port: number, method: string, path: string, headers: Headers = {}): Promise<Answer> {
  // Without a length Node would announce a body in chunks, which no browser does.
  const length = method === "GET" ? {} : { "Content-Length": "0" };
  const all = { Host: `127.0.0.1:${port}`, ...length, ...headers };
  // The flat form goes out as it is; the object form would join duplicates.
  const flat = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((each) => [name, each]),
  );
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers: flat, agent: false }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          cookies: (incoming.headers["set-cookie"] ?? []).map((line) => parseSetCookie(line)),
          body,
          json: () => JSON.parse(body) as Record<string, unknown>,
        }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** A browser with this site in its only tab: it keeps cookies, and says where its requests come from. */
export class Browser {
  readonly #port: number;
  /** Cookies by name. A test may put in what another site or an attacker has planted. */
  readonly jar = new Map<string, string>();

  constructor(port: number, jar: Iterable<readonly [string, string]> = []) {
    this.#port = port;
    for (const [name, value] of jar) this.jar.set(name, value);
  }

  get(path: string, headers: Headers = {}): Promise<Answer> {
    return this.#send("GET", path, headers);
  }

  post(path: string, headers: Headers = {}): Promise<Answer> {
    return this.#send("POST", path, { Origin: `http://127.0.0.1:${this.#port}`, ...headers });
  }

  /** The same cookies in another browser: what a thief has. */
  stolen(): Browser {
    return new Browser(this.#port, this.jar);
  }

  async #send(method: string, path: string, headers: Headers): Promise<Answer> {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await send(this.#port, method, path, {
      "Sec-Fetch-Site": "same-origin",
      ...(cookie === "" ? {} : { Cookie: cookie }),
      ...headers,
    });
    for (const { name, value = "", maxAge } of answer.cookies) {
      if (maxAge !== undefined && maxAge <= 0) this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return answer;
  }
}
