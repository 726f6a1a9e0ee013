/**
 * What becomes of sessions in the hands of a store: facts found by running an application on it, for ours and for the
 * one that it replaces alike. The tests judge them, and the table in docs/drop-in.md is made of them.
 */
import type { Redis } from "ioredis";
import { median } from "simple-statistics";
import type { RedisServer } from "../harness/redis-server.js";
import { type App, type AppOptions, type Browser, type Framework, startApp } from "./rig.js";

/** A store under test, and how to look at what it keeps. */
export interface Subject {
  readonly framework: Framework;
  /** A new store each time: an application takes one for itself. */
  readonly store: () => object;
  /** What the store puts before a session id. */
  readonly prefix: string;
  /** A client to the server that nobody else uses, without a prefix of its own. */
  readonly redis: Redis;
}

/** Whether a session came back that was destroyed while a request was under way, by what that request does. */
export interface Resurrections {
  readonly change: boolean;
  readonly read: boolean;
  /** It only reads, and the app has `rolling: true`; likewise `resave`. */
  readonly rolling: boolean;
  readonly resave: boolean;
  /** It saves the session, which is destroyed then, and saves it again. */
  readonly saveTwice: boolean;
  /** It reloads the session and finds it gone. */
  readonly reload: boolean;
  /** It saves a new session, which is destroyed then, and saves it again. */
  readonly newSaveTwice: boolean;
  /** It changes the session, which another request regenerates meanwhile. */
  readonly regenerate: boolean;
}

export interface Findings {
  readonly resurrected: Resurrections;
  /** Of 20 requests at once that each set another property: how many properties are there at the end. */
  readonly kept: number;
  /** The value of a property that two requests at once set, the first to "a" and the last to save to "b". */
  readonly lastWriter: unknown;
  /** Round trips of a request that changes nothing. */
  readonly roundTrips: number;
  /** How many ms later than its record says a session ends, whose `maxAge` is no whole number of seconds. */
  readonly excess: number;
  /** Whether a request that changes nothing moves the expiry. */
  readonly expiryMoves: boolean;
  /** Whether the sessions of a user can be listed, changed and ended. */
  readonly userCalls: boolean;
  /** What a request comes to when Redis does not answer. */
  readonly whenRedisHangs: number | "no answer" | "not tried";
}

/** Finds it all out. Every app is one of its own, with sessions of its own. */
export async function findingsOf(subject: Subject): Promise<Findings> {
  return {
    resurrected: await resurrections(subject),
    kept: await keptOf20(subject),
    lastWriter: await lastWriter(subject),
    roundTrips: await roundTrips(subject),
    excess: await excess(subject),
    expiryMoves: await expiryMoves(subject),
    userCalls: ["listForUser", "updateForUser", "destroyAllForUser"].every((name) => name in subject.store()),
    whenRedisHangs: "not tried",
  };
}

/** What requests come to while a server is frozen, for many stores at once. */
export async function answersWhileRedisHangs(
  server: RedisServer,
  subjects: readonly Subject[],
): Promise<Findings["whenRedisHangs"][]> {
  const browsers = await Promise.all(subjects.map(async (subject) => (await visitor(subject)).browser));
  server.freeze();
  try {
    return await Promise.all(
      browsers.map(async (browser) => {
        // Far beyond the deadline of our stores, which is a second.
        const signal = AbortSignal.timeout(5000);
        try {
          return (await browser.request("", { signal })).status;
        } catch (error) {
          if ((error as Error).name !== "TimeoutError") throw error;
          return "no answer" as const;
        }
      }),
    );
  } finally {
    server.thaw();
  }
}

async function resurrections(subject: Subject): Promise<Resurrections> {
  const during = (query: string, options: AppOptions = {}) => comesBack(subject, query, "end=logout", options);
  // @fastify/session rolls unless it is told not to.
  const still: AppOptions = subject.framework === "@fastify/session" ? {} : { rolling: false };
  return {
    change: await during("set=late:1&hold=1", { rolling: false }),
    read: await during("hold=1", still),
    rolling: await during("hold=1", { rolling: true }),
    resave: await during("hold=1", { resave: true }),
    saveTwice: await during("set=late:1&end=save&between=1"),
    reload: await during("hold=1&end=reload&set=late:1"),
    newSaveTwice: await newOneComesBack(subject),
    regenerate: await comesBack(subject, "set=late:1&hold=1", "end=regenerate&set=user:ada", {}),
  };
}

/** Whether a session that one request ends is there after another, which had loaded it before, has ended, too. */
async function comesBack(subject: Subject, slow: string, fast: string, options: AppOptions): Promise<boolean> {
  const { app, browser, sid } = await visitor(subject, { saveUninitialized: true, ...options });
  const underWay = browser.copy().request(slow);
  await app.held(1);
  await browser.copy().request(fast);
  if (await isStored(subject, sid)) throw new Error(`${fast} did not end the session`);
  app.release();
  const { status } = await underWay;
  if (status !== 200) throw new Error(`The slow request answered ${status}`);
  return isStored(subject, sid);
}

async function newOneComesBack(subject: Subject): Promise<boolean> {
  const app = await startApp(subject.framework, subject.store());
  const before = new Set(await subject.redis.keys(`${subject.prefix}*`));
  const underWay = app.browser().request("set=a:1&end=save&between=1");
  await app.held(1);
  const [key = ""] = (await subject.redis.keys(`${subject.prefix}*`)).filter((one) => !before.has(one));
  // Somebody else ends it: an administrator, or `destroyAllForUser`.
  if ((await subject.redis.del(key)) !== 1) throw new Error("The new session was not saved");
  app.release();
  await underWay;
  return (await subject.redis.exists(key)) === 1;
}

async function keptOf20(subject: Subject): Promise<number> {
  const names = Array.from({ length: 20 }, (_, at) => `p${at}`);
  const { app, browser } = await visitor(subject);
  const underWay = names.map((name) => browser.copy().request(`set=${name}:1&hold=1`));
  await app.held(names.length);
  app.release();
  await Promise.all(underWay);
  const { body } = await browser.copy().request();
  return names.filter((name) => body?.session[name] === "1").length;
}

async function lastWriter(subject: Subject): Promise<unknown> {
  const { app, browser } = await visitor(subject);
  const last = browser.copy().request("set=who:b&hold=1");
  await app.held(1);
  await browser.copy().request("set=who:a");
  app.release();
  await last;
  const { body } = await browser.copy().request();
  return body?.session["who"];
}

async function roundTrips(subject: Subject): Promise<number> {
  const { browser } = await visitor(subject, { rolling: false });
  // So that Redis knows the scripts.
  await browser.request();
  await subject.redis.config("RESETSTAT");
  await browser.request();
  const stats = await subject.redis.info("commandstats");
  const calls = (...names: string[]) =>
    names.reduce(
      (sum, name) => sum + Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0),
      0,
    );
  // What a script calls is counted, too, and makes no trip. Ours save by scripts alone, which call GET and SET once each, and
  // read by one that calls GET and PTTL.
  const inScripts = calls("evalsha", "eval") > 0 ? 2 * calls("set") + calls("pttl") : 0;
  return calls("evalsha", "eval", "get", "getex", "set", "setex", "expire", "del") - inScripts;
}

async function excess(subject: Subject): Promise<number> {
  // koa-session lets a session live on for 10 s, in which it does not take it.
  const grace = subject.framework === "koa-session" ? 10_000 : 0;
  const found: number[] = [];
  for (let at = 0; at < 5; at++) {
    // Where the store rounds up to seconds, half a second is left for the machine to be slow in.
    const { sid } = await visitor(subject, { maxAge: 60_500 });
    const [ends, says] = [await subject.redis.pexpiretime(subject.prefix + sid), await expiryIn(subject, sid)];
    found.push(ends - grace - says);
  }
  // Where the machine stood still between the record and its expiry, that says nothing of the store: the middle one does.
  return median(found);
}

async function expiryMoves(subject: Subject): Promise<boolean> {
  // koa-session moves nothing unless it is told to.
  const { browser, sid } = await visitor(subject, { maxAge: 3_600_000, rolling: true });
  const key = subject.prefix + sid;
  await subject.redis.pexpire(key, 60_000);
  await browser.request();
  return (await subject.redis.pttl(key)) > 60_000;
}

async function expiryIn(subject: Subject, sid: string): Promise<number> {
  const record = JSON.parse((await subject.redis.get(subject.prefix + sid)) ?? "{}");
  return new Date(record.cookie?.expires ?? record._expire).getTime();
}

/** Somebody with a session. */
export async function visitor(
  subject: Subject,
  options: AppOptions = {},
): Promise<{ app: App; browser: Browser; sid: string }> {
  const app = await startApp(subject.framework, subject.store(), { maxAge: 60_000, ...options });
  const browser = app.browser();
  const { body } = await browser.request("set=user:ada");
  const sid = body?.sid ?? "";
  if (!(await isStored(subject, sid))) throw new Error("The session was not saved");
  return { app, browser, sid };
}

export async function isStored({ redis, prefix }: Subject, sid: string): Promise<boolean> {
  return (await redis.exists(prefix + sid)) === 1;
}
