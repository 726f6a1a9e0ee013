-- Reads a session and slides its idle deadline, once an interval. Like get.lua it stands without the prelude.
-- KEYS[1]  session
-- KEYS[2]  prefix of the indexes, completed with the user id in the record
-- ARGV[1]  hash of the secret
-- ARGV[2]  interval in ms; half the idle timeout of the session where that is shorter
-- Returns  'none', 'secret' (it does not match), 'corrupt', or the record, joined by newlines, with its age in ms
--          in place of its hash
local record = redis.call('HGETALL', KEYS[1])
local size = #record
if size == 0 then return 'none' end
local hash, at, user
for i = 1, size, 2 do
  local field = record[i]
  if field == 'h' then hash = i + 1 elseif field == 't' then at = i + 1 elseif field == 'u' then user = record[i + 1] end
end
if not hash or not at then return 'corrupt' end
-- Lua interns its strings, so == compares two pointers: constant time.
if record[hash] ~= ARGV[1] then return 'secret' end

local created, seen, idle = string.match(record[at], '^(%d+) %S+ (%d+) (%d+) %d+$')
if not created then return 'corrupt' end
local time = redis.call('TIME')
local age = time[1] * 1000 + time[2] / 1000 - created
record[hash] = age
-- The comparisons below turn text into numbers by arithmetic: this path is the one that nearly every request takes.
if age - seen >= ARGV[2] + 0 or age - seen >= idle / 2 then
  local authenticated, absolute = string.match(record[at], '^%d+ (%S+) %d+ %d+ (%d+)$')
  age = math.floor(age)
  -- Redis keeps a key to the end of its last ms: what has expired must not be written again.
  if math.min(seen + idle, tonumber(absolute)) <= age then return 'none' end
  local index = user and KEYS[2] .. user
  if index then
    -- Should the index hold something else, this fails before anything is written, and says which key that is.
    local fine, failure = pcall(redis.call, 'ZCARD', index)
    if not fine and string.find(tostring(failure), '^WRONGTYPE') then
      return { err = 'WRONGTYPE of the key ' .. index }
    end
  end
  record[at] = string.format('%s %s %.0f %s %s', created, authenticated, age, idle, absolute)
  local expires = string.format('%.0f', created + math.min(age + idle, tonumber(absolute)))
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
