-- The session record, as every script after this prelude reads and writes it. A hash with these fields:
--   h   SHA-256 of the secret, base64url
--   t   times: created, authenticated, last seen, idle timeout, absolute deadline. The first is epoch ms, all others
--       are ms; the second ("-" for a guest), third and fifth count from the first
--   u   user id, JSON-escaped; absent for a guest
--   i   client's IP address, a its user agent, both JSON-escaped; absent where not given
--   v   how often the claims were changed; absent for never
--   w   marks of the latest eight changes by a function, 8 characters each, newest first; absent for none
--   n   id of the session that a rotation with grace put in this one's place; p, over there, the id of this one
--   :…  one claim: its name JSON-escaped, its value JSON
-- Nothing in a field or value holds a newline, so a record travels as its fields and values joined by newlines.

-- Redis's clock, epoch ms.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A number as Redis takes it: all digits, no exponent.
local function digits(number)
  return string.format('%.0f', number)
end

-- A list as a reply. Redis would take it as it is; ioredis-mock takes a table for a list only if it was made in one piece.
local function reply_of(list)
  return { unpack(list) }
end

-- Like redis.call, but where the key holds something of another kind, the error says which key that is.
local function call(command, key, ...)
  local done, reply = pcall(redis.call, command, key, ...)
  if done then return reply end
  -- Redis's own pcall gives the error's text; what ioredis-mock gives is passed on as it is.
  if type(reply) ~= 'string' then error(reply, 0) end
  error({ err = string.find(reply, '^WRONGTYPE') and 'WRONGTYPE of the key ' .. key or reply })
end

-- What the names of all keys of one user begin with, found from one of them and the id, of a session or a user, in which
-- it ends.
local function stem(key, id)
  return string.sub(key, 1, -#id - 3)
end

-- Whether several keys of one slot can all be seen from here. While Redis Cluster moves a slot, each of its keys is on one
-- node or on the other: a single key that is not here may look absent, but a command of several fails. On a slot that
-- stays where it is it never does, whether the keys exist or not.
local function together(...)
  local fine, failure = pcall(redis.call, 'EXISTS', ...)
  if fine then return true end
  local reason = tostring(failure)
  if string.find(reason, 'non local key', 1, true) or string.find(reason, 'during rehashing', 1, true) then return false end
  error(type(failure) == 'string' and { err = failure } or failure, 0)
end

-- Writes under a key that is not there, and takes it back: for the WAIT that follows. Since Redis 7.2 it waits for nothing
-- where its own connection has written nothing, and who repeats a revocation wants to know of the first, wherever it came from.
local function trace(key)
  -- Redis judges only the first write of a script when it is out of memory, and allows this one.
  redis.call('DEL', key)
  redis.call('HSET', key, 'h', '')
  redis.call('DEL', key)
end

-- The record under a key as a table; nil where there is none.
local function load(key)
  local flat = call('HGETALL', key)
  if #flat == 0 then return nil end
  local record = {}
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  return record
end

-- Why a record must not be served to the bearer of this hash ('' for a caller who named the session by its id), or nil.
-- Lua interns its strings, so == compares two pointers: constant time.
local function refusal(record, hash)
  if not record then return 'none' end
  if not record.h or not record.t then return 'corrupt' end
  if hash ~= '' and record.h ~= hash then return 'secret' end
  return nil
end

-- The record as text, without the secret's hash.
local function text(record)
  local parts = {}
  for field, value in pairs(record) do
    if field ~= 'h' then
      parts[#parts + 1] = field
      parts[#parts + 1] = value
    end
  end
  return table.concat(parts, '\n')
end

-- The times of a record: created, authenticated ("-" for a guest), last seen, idle timeout, absolute deadline.
local function times(record)
  local created, authenticated, seen, idle, absolute = string.match(record.t, '^(%d+) (%S+) (%d+) (%d+) (%d+)$')
  return tonumber(created), authenticated, tonumber(seen), tonumber(idle), tonumber(absolute)
end

-- When a session with these times expires, epoch ms.
local function deadline(created, seen, idle, absolute)
  return created + math.min(seen + idle, absolute)
end

-- The bytes that all claims of a record take.
local function weight(record)
  local bytes = 0
  for field, value in pairs(record) do
    if string.sub(field, 1, 1) == ':' then bytes = bytes + #field - 1 + #value end
  end
  return bytes
end

-- Applies a patch, ARGV[first] on as pairs of field and value ('' removes), to a record in memory. Returns what HSET and
-- HDEL need to do the same in Redis; and, where all claims would take more than `most` bytes and more than before, how
-- many that would be. (What is too large already, because the limit was lowered, may still shrink.)
local function patched(record, first, most)
  local set, removed, before = {}, {}, weight(record)
  for i = first, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    if value == '' then
      record[field] = nil
      removed[#removed + 1] = field
    else
      record[field] = value
      set[#set + 1] = field
      set[#set + 1] = value
    end
  end
  local after = weight(record)
  return set, removed, after > most and after > before and after or nil
end

-- Calls a command with many arguments in slices, because unpack() is bounded by Lua's stack. Slices are even, so that
-- pairs stay together.
local function call_many(command, key, arguments)
  for i = 1, #arguments, 1000 do
    call(command, key, unpack(arguments, i, math.min(i + 999, #arguments)))
  end
end
