-- Reads a session, and slides its idle deadline once an interval. Like get.lua it has no prelude. A slide is one write, of the
-- TTL. There are two exceptions: in the last idle timeout before the absolute deadline the TTL stays, and `s` is written; and
-- about once in an idle timeout the index is looked at, and gets a new bound.
-- KEYS[1]  session; beside it lies the index of the user in the record
-- ARGV[1]  hash of the secret
-- ARGV[2]  how the times of most sessions end: a space, an idle timeout of at least twice the interval, a space, an absolute
--          deadline
-- ARGV[3]  that idle timeout less the interval, in ms
-- ARGV[4]  '1' to look for the ending of a session that is gone (see record.lua), else ''
-- Returns  what get.lua returns: 'none', 'secret' (it does not match), 'corrupt' or 'ended', with the hash behind it, or the
--          session as text
local key, usual_times = KEYS[1], ARGV[2]
local record = redis.call('HGETALL', key)
-- A new record begins with these two fields, and a small one keeps its order: then there is nothing to search.
if record[1] ~= 'h' or record[3] ~= 't' then
  if #record == 0 then
    local keys, id = string.sub(key, 1, -29), string.sub(key, -26)
    for place = 1, ARGV[4] == '1' and 2 or 0 do
      local ending = redis.pcall('GET', keys .. (place == 1 and 'x:' or 'y:') .. id)
      -- Only its bearer is told.
      if type(ending) == 'string' and string.sub(ending, 1, 43) == ARGV[1] then
        return 'ended ' .. ARGV[1] .. ' ' .. string.sub(ending, 45)
      end
    end
    return 'none ' .. ARGV[1]
  end
  for place, name in pairs({ [1] = 'h', [3] = 't' }) do
    local at
    for i = 1, #record, 2 do
      if record[i] == name then at = i end
    end
    if not at then return 'corrupt ' .. ARGV[1] end
    record[at], record[at + 1], record[place], record[place + 1] = record[place], record[place + 1], name, record[at + 1]
  end
end
-- Lua interns its strings, so == compares two pointers: constant time.
if record[2] ~= ARGV[1] then return 'secret ' .. ARGV[1] end

-- The key ends with the session, so its TTL tells when the session was last seen. If enough of the idle timeout is left, that
-- was within the interval, and there is nothing to do. Most requests take this path.
local left, ends = redis.call('PTTL', key), redis.call('PEXPIRETIME', key)
-- The hash stays where it is, and tells whose reply this is.
record[1], record[3] = ends, left
local usual = string.find(record[4], usual_times, -#usual_times, true)
if usual and left > ARGV[3] + 0 then return table.concat(record, '\n') end

local created, timeout, absolute = string.match(record[4], '^(%d+) %S+ (%d+) (%d+)$')
if not created then return 'corrupt ' .. ARGV[1] end
-- Lua reads the digits of a text again in each sum.
local idle, last = timeout + 0, created + absolute
created = created + 0
-- The clock of Redis is the end of the key less what it has left, which costs less than TIME.
local now = ends - left
-- The caller will say that the session is over, or that coatcheck did not write this. A slide must not hide it.
if left < 0 or now > last or left > idle + 2000 and ends - idle - 2000 > created then return table.concat(record, '\n') end
local slid, isCut = now + idle, false
local user, sight
if slid > last then slid, isCut = last, true end
if record[5] == 'u' and not isCut then
  user = record[6]
else
  for i = 5, #record, 2 do
    if record[i] == 'u' then user = record[i + 1] elseif record[i] == 's' then sight = i + 1 end
  end
end
if isCut or not usual then
  if sight and not string.find(record[sight], '^%d+$') then return 'corrupt ' .. ARGV[1] end
  local seen = ends >= last and sight and created + record[sight] or ends - idle
  local interval = math.min(string.match(ARGV[2], '%d+') - ARGV[3], idle / 2)
  if now - seen < interval then return table.concat(record, '\n') end
end

local index, moves
if user then
  -- Time is cut into stretches, and the bound in the index stays ahead of the end of the stretch that the session's end lies
  -- in. So the index is looked at only if this slide leads into another stretch, or if the absolute deadline cuts the session
  -- short. A move may put off the end of a session by more than that of its index (see `drift` in record.lua), and over the
  -- border of a stretch: so the bound stays ahead by a margin of a minute, or of an eighth of a short idle timeout, and an end
  -- that lies so little behind the border may have come there by a move. A stretch and the margin are one idle timeout: that
  -- is as far as a bound may be ahead, so the index is written as seldom as it can be. One stretch begins at the end that a
  -- new session has: so its first slide looks, too.
  local margin = idle < 480000 and idle / 8 or 60000
  local stretch = idle - margin
  local start = slid - (slid - created - margin) % stretch
  if isCut or start + margin > ends then
    -- This reads the bound that is really there, so an index that somebody has deleted is repaired.
    index = string.sub(key, 1, -29) .. 'u:' .. user
    local done, found = pcall(redis.call, 'ZSCORE', index, string.sub(key, -26))
    moves = done and not (found and found + 0 >= math.min(start + stretch + margin, last))
    -- While the slot is moving, the index may be on the other node, and would seem absent: a new one here would be only a
    -- part of it. Then a command with several keys fails (see prelude.lua), and this lookup does not slide.
    if moves then done, found = pcall(redis.call, 'EXISTS', key, index) end
    if not done then
      local reason = tostring(found)
      if string.find(reason, 'non local key', 1, true) or string.find(reason, 'during rehashing', 1, true) then
        return table.concat(record, '\n')
      end
      -- Nothing was written yet. The error says which key holds something else.
      return { err = string.find(reason, '^WRONGTYPE') and 'WRONGTYPE of the key ' .. index or reason }
    end
  end
end

if isCut then
  -- The TTL cannot tell this sight any more. When Redis is out of memory, it refuses HSET: then the session lives on, and this
  -- sight is not recorded. HSET comes before PEXPIREAT, which deletes a key whose last ms has passed meanwhile: a later HSET
  -- would make the key again, without an end.
  local age = string.format('%.0f', math.max(0, now - created))
  local done, failure = pcall(redis.call, 'HSET', key, 's', age)
  if done then
    if not sight then
      sight = #record + 2
      record[sight - 1] = 's'
    end
    record[sight] = age
  elseif not string.find(tostring(failure), '^OOM') then
    return { err = tostring(failure) }
  end
end
-- In two parts it takes less time than '%.0f'. One '%d' would be too short on ioredis-mock and on a server of 32 bits.
local low = slid % 1000000
record[1], record[3] = string.format('%d%06d', (slid - low) / 1000000, low), isCut and slid - now or timeout
-- When Redis is out of memory, it judges only the first write of a script, and allows PEXPIREAT.
if slid ~= ends and slid > now or moves then redis.call('PEXPIREAT', key, record[1]) end
if moves then
  local score = string.format('%.0f', math.min(slid + idle, last))
  redis.call('ZADD', index, score, string.sub(key, -26))
  -- As in index.lua: dead sessions whose bound has passed are removed, and the index lives as long as its latest member.
  local dead = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. string.format('%.0f', now), 'LIMIT', 0, 100)
  for i = 1, #dead do
    local done, live = pcall(redis.call, 'EXISTS', string.sub(key, 1, -27) .. dead[i])
    if done and live == 0 then redis.call('ZREM', index, dead[i]) end
  end
  local latest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2] + 0
  if tonumber(redis.call('PEXPIRETIME', index)) ~= latest then
    redis.call('PEXPIREAT', index, string.format('%.0f', latest))
  end
end
return table.concat(record, '\n')
