-- What scripts of any subject need of Redis and Redis Cluster, and of ioredis-mock. A record is a hash with `h`, the SHA-256 of
-- the secret that opens it, and `t`, its times; of its other fields this knows nothing.

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

-- Calls a command, and returns whether that could be done here, and its reply. While Redis Cluster moves a slot, each of its
-- keys is on one node or on the other, and a command fails that needs one that is not here.
local function call_here(...)
  local fine, reply = pcall(redis.call, ...)
  if fine then return true, reply end
  local reason = tostring(reply)
  if string.find(reason, 'non local key', 1, true) or string.find(reason, 'during rehashing', 1, true) then return false end
  error(type(reply) == 'string' and { err = reply } or reply, 0)
end

-- Whether several keys of one slot can all be seen from here. While Redis Cluster moves the slot, a single key that is not
-- here may look absent, but a command of several fails. On a slot that stays where it is it never does, whether the keys
-- exist or not.
local function together(...)
  return (call_here('EXISTS', ...))
end

-- The script may be sent again, because its reply was lost with its connection, with anything in between. So it leaves its
-- reply under a key that only this call knows, its mark, for as long as its command may still come. It comes after other
-- writes: Redis judges only the first write of a script when it is out of memory. On a node that the slot is leaving no key
-- can be made: then the call goes without.
local function remember(mark, ms, reply)
  call_here('SET', mark, table.concat(reply, '\n'), 'PX', ms)
  return reply
end

-- What the first run of this call has replied; nil if there was none. Also returns whether a mark can be kept here.
local function remembered(mark)
  local here, left = call_here('GET', mark)
  if not left then return nil, here end
  local reply = {}
  for part in string.gmatch(left .. '\n', '(.-)\n') do reply[#reply + 1] = part end
  return reply_of(reply), here
end

-- Writes under a key that is not there, and takes it back: for the WAIT that follows. Since Redis 7.2 it waits for nothing
-- where its own connection has written nothing, and who repeats a revocation wants to know of the first, wherever it came from.
local function trace(key)
  -- Redis judges only the first write of a script when it is out of memory, and allows this one.
  redis.call('DEL', key)
  redis.call('HSET', key, 'h', '')
  redis.call('DEL', key)
end

-- The record under a key as a table; nil if there is none.
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

-- Calls a command with many arguments in slices, because unpack() is bounded by Lua's stack. Slices are even, so that
-- pairs stay together.
local function call_many(command, key, arguments)
  for i = 1, #arguments, 1000 do
    call(command, key, unpack(arguments, i, math.min(i + 999, #arguments)))
  end
end
