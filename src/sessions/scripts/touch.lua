-- Reads a session and slides its idle deadline, once an interval. Like get.lua it stands without the prelude.
-- KEYS[1]  session; beside it lies the index of the user in the record
-- ARGV[1]  hash of the secret
-- ARGV[2]  interval in ms; half the idle timeout of the session where that is shorter
-- ARGV[3]  how the times of most sessions end: a space, an idle timeout of at least twice the interval, a space, an absolute
--          deadline
-- ARGV[4]  that idle timeout less the interval
-- Returns  'none', 'secret' (it does not match), 'corrupt', or the record, joined by newlines, with how long it has yet to
--          live, in ms, in place of its hash
local record = redis.call('HGETALL', KEYS[1])
-- A new record begins with these two, and a small one stays in order: where they are, nothing need be looked for.
local hash, at = 2, 4
if record[1] ~= 'h' or record[3] ~= 't' then
  if #record == 0 then return 'none' end
  hash, at = nil, nil
  for i = 1, #record, 2 do
    if record[i] == 'h' then hash = i + 1 elseif record[i] == 't' then at = i + 1 end
  end
  if not hash or not at then return 'corrupt' end
end
-- Lua interns its strings, so == compares two pointers: constant time.
if record[hash] ~= ARGV[1] then return 'secret' end

-- The key ends with the session, so its TTL tells when the session was seen last, by the clock of Redis and for less than
-- TIME does. Who has so much of the idle timeout left was seen within the interval, and nothing need be taken apart: this
-- path is the one that nearly every request takes.
local left = redis.call('PTTL', KEYS[1])
record[hash] = left
if left > ARGV[4] + 0 and string.find(record[at], ARGV[3], -#ARGV[3], true) then return table.concat(record, '\n') end

local created, authenticated, seen, idle, absolute = string.match(record[at], '^(%d+) (%S+) (%d+) (%d+) (%d+)$')
if not seen then return 'corrupt' end
idle = tonumber(idle)
local ends = math.min(seen + idle, tonumber(absolute))
local interval = math.min(tonumber(ARGV[2]), idle / 2)
if ends - left - seen >= interval then
  -- Whether and what to write goes by the clock itself: a TTL that somebody has changed by hand must not spread.
  local time = redis.call('TIME')
  local age = time[1] * 1000 + math.floor(time[2] / 1000) - created
  record[hash] = ends - age
  if age - seen < interval then return table.concat(record, '\n') end
  -- Redis keeps a key to the end of its last ms: what has expired must not be written again.
  if ends <= age then return 'none' end
  local user
  for i = 1, #record, 2 do
    if record[i] == 'u' then user = record[i + 1] end
  end
  local index = user and string.sub(KEYS[1], 1, -29) .. 'u:' .. user
  if index then
    -- While Redis Cluster moves the slot, the index may be on the other node, and would seem absent: a new one here would
    -- be half of it. A command of several keys then fails (see record.lua), and this lookup does not slide.
    local whole, reason = pcall(redis.call, 'EXISTS', KEYS[1], index)
    if not whole then
      reason = tostring(reason)
      if string.find(reason, 'non local key', 1, true) or string.find(reason, 'during rehashing', 1, true) then
        return table.concat(record, '\n')
      end
      return { err = reason }
    end
    -- Should the index hold something else, this fails before anything is written, and says which key that is.
    local fine, failure = pcall(redis.call, 'ZCARD', index)
    if not fine and string.find(tostring(failure), '^WRONGTYPE') then
      return { err = 'WRONGTYPE of the key ' .. index }
    end
  end
  record[at] = string.format('%s %s %.0f %.0f %s', created, authenticated, age, idle, absolute)
  ends = math.min(age + idle, tonumber(absolute))
  record[hash] = ends - age
  local expires = string.format('%.0f', created + ends)
  -- PEXPIREAT comes first because Redis allows it when out of memory, and judges only the first write of a script.
  redis.call('PEXPIREAT', KEYS[1], expires)
  redis.call('HSET', KEYS[1], 't', record[at])
  -- Should the last ms have passed in between, the first of these two deleted the key, and HSET made one without an end.
  redis.call('PEXPIREAT', KEYS[1], expires)
  if index then
    redis.call('ZADD', index, expires, string.sub(KEYS[1], -26))
    local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
    redis.call('PEXPIREAT', index, string.format('%.0f', tonumber(last[2])))
  end
end
return table.concat(record, '\n')
