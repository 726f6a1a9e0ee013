/**
 * What Redis itself holds during a soak, looked at page by page while everything goes on: the promises that show in the
 * keyspace (P4, P5). Each page is one script, so what it sees of a session and of its index is of one moment.
 */
import type { Redis } from "ioredis";

/** What one look at every key came to. */
export interface Look {
  readonly keys: number;
  readonly sessions: number;
  /** What should not be, a sentence each. */
  readonly faults: readonly string[];
}

const PAGE = 250;

/** The longest idle timeout of a session: for so long after its end the index may name one that expired, ms. */
const IDLE_TIMEOUT = 30 * 60_000;

/**
 * Judges the keys of a page. A key may have gone since it was found; the last 20 ms of a key are left out, because Redis
 * removes what has expired when it comes to it.
 */
const JUDGE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = { 0 }
local function fault(id, what) found[#found + 1] = id; found[#found + 1] = what end
for _, key in ipairs(KEYS) do
  local root, kind = string.match(key, '^(.*{%w%w%w}:)(%l):')
  local expiry = redis.call('PEXPIRETIME', key)
  if expiry == -2 or (expiry > 0 and expiry < now + 20) then
    -- It is going, or gone.
  elseif kind == 's' then
    found[1] = found[1] + 1
    local id = string.sub(key, -26)
    local t, user, sight = unpack(redis.call('HMGET', key, 't', 'u', 's'))
    local created, idle, absolute = string.match(t or '', '^(%d+) %S+ (%d+) (%d+)$')
    local last = created and created + absolute
    if expiry < 0 then fault(id, 'has no TTL') end
    if not created then
      fault(id, 'is no record of a session')
    elseif expiry > last then
      fault(id, 'outlives its absolute deadline')
    elseif expiry - idle > now or sight and expiry < last then
      fault(id, 'does not expire when it was seen last')
    end
    if user then
      local score = redis.call('ZSCORE', root .. 'u:' .. user, id)
      if not score then
        fault(id, 'is missing in the index of its user (P4)')
      elseif created and (score + 0 < expiry or score + 0 > math.min(expiry + idle, last)) then
        fault(id, 'expires ' .. string.format('%.0f', score - expiry) .. ' ms before what the index says')
      end
    end
  elseif kind == 'u' then
    local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #members, 2 do
      if members[i + 1] - now > ARGV[1] + 20 and redis.call('EXISTS', root .. 's:' .. members[i]) == 0 then
        fault(members[i], 'is dead, and the index ' .. key .. ' names it')
      end
    end
    if expiry ~= members[#members] + 0 then fault('', 'the index ' .. key .. ' does not go with its latest member') end
  elseif kind == 'b' then
    local ends = redis.call('HGET', key, 'e')
    if expiry ~= (ends and ends + 0 or -1) then fault('', 'the block ' .. key .. ' does not end when it says') end
  elseif expiry < 0 then
    fault('', key .. ' has no TTL (P5)')
  end
end
return found`;

/**
 * Looks at every key of the server. `hastened` are the ids of sessions whose TTL was changed by hand: the index still has
 * the TTL that was theirs.
 */
export async function lookAtKeys(redis: Redis, hastened: ReadonlySet<string>): Promise<Look> {
  const faults = new Set<string>();
  let keys = 0;
  let sessions = 0;
  let cursor = "0";
  do {
    const [next, page] = await redis.scan(cursor, "COUNT", PAGE);
    cursor = next;
    if (page.length === 0) continue;
    const [live, ...found] = (await redis.eval(JUDGE, page.length, ...page, IDLE_TIMEOUT)) as [number, ...string[]];
    keys += page.length;
    sessions += live;
    for (let i = 0; i < found.length; i += 2) {
      const [id, what] = [found[i] as string, found[i + 1] as string];
      if (id !== "" && hastened.has(id)) continue;
      faults.add(id === "" ? what : `the session ${id} ${what}`);
    }
  } while (cursor !== "0");
  return { keys, sessions, faults: [...faults] };
}

/** What kind of key it is: the letter after the bucket, or what stands before the first colon. */
export function kindOf(key: string): string {
  return /\{\w{3}\}:(\w):/.exec(key)?.[1] ?? key.split(":")[0] ?? key;
}
