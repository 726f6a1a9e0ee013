-- What all scripts need of Redis, Redis Cluster and ioredis-mock. A record is a hash with `h`, the SHA-256 of its secret, and
-- `t`, its times. This file knows nothing of the other fields.

-- Redis's clock, epoch ms.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A number as Redis takes it: all digits, no exponent.
local function digits(number)
  return string.format('%.0f', number)
end

-- A list as a reply. Redis needs no change; ioredis-mock takes a table for a list only if it was made in one piece.
local function reply_of(list)
  return { unpack(list) }
end

-- Like redis.call, but if the key holds a value of another type, the error names the key.
local function call(command, key, ...)
  local done, reply = pcall(redis.call, command, key, ...)
  if done then return reply end
  -- Redis gives the text of the error. What ioredis-mock gives is passed on unchanged.
  if type(reply) ~= 'string' then error(reply, 0) end
  error({ err = string.find(reply, '^WRONGTYPE') and 'WRONGTYPE of the key ' .. key or reply })
end

-- The beginning of the names of all keys of one user. It is found from one of these keys and the id at its end, which is that
-- of a session or a user.
local function stem(key, id)
  return string.sub(key, 1, -#id - 3)
end

-- Calls a command, and returns whether this node could run it, and its reply. While a slot is moving, each of its keys is on
-- one of two nodes, and a command fails if it needs a key that is not here.
local function call_here(...)
  local fine, reply = pcall(redis.call, ...)
  if fine then return true, reply end
  local reason = tostring(reply)
  if string.find(reason, 'non local key', 1, true) or string.find(reason, 'during rehashing', 1, true) then return false end
  error(type(reply) == 'string' and { err = reply } or reply, 0)
end

-- Whether several keys of one slot are all on this node. While the slot is moving, a single key that is not here may look
-- absent, but a command with several keys fails. It never fails while the slot is not moving, whether the keys exist or not.
local function together(...)
  return (call_here('EXISTS', ...))
end

-- The script may be sent again because its reply was lost with the connection, and others may run in between. So it leaves its
-- reply under a key that only this call knows, its mark, for as long as the command may still come. The mark is written after
-- the other writes: when Redis is out of memory, it judges only the first write of a script. A node that the slot is leaving
-- can make no new key: then the call has no mark.
local function remember(mark, ms, reply)
  call_here('SET', mark, table.concat(reply, '\n'), 'PX', ms)
  return reply
end

-- The reply of the first run of this call; nil if there was none. Also returns whether this node can keep a mark.
local function remembered(mark)
  local here, left = call_here('GET', mark)
  if not left then return nil, here end
  local reply = {}
  for part in string.gmatch(left .. '\n', '(.-)\n') do reply[#reply + 1] = part end
  return reply_of(reply), here
end

-- Writes under an absent key, and deletes it again, for the WAIT that follows. Since Redis 7.2 WAIT does not wait if its own
-- connection has written nothing; but the caller who repeats a revocation wants the first one confirmed, which may have come
-- over another connection.
local function trace(key)
  -- When Redis is out of memory, it judges only the first write of a script, and allows this one.
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

-- Why the caller must not get a record: the hash is that of the caller's secret, or '' if the caller gave an id. nil: the
-- caller may get it. Lua interns its strings, so == compares two pointers: constant time.
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

-- Calls a command with many arguments in slices, because Lua's stack limits unpack(). A slice has an even number of arguments,
-- so that pairs stay together.
local function call_many(command, key, arguments)
  for i = 1, #arguments, 1000 do
    call(command, key, unpack(arguments, i, math.min(i + 999, #arguments)))
  end
end
