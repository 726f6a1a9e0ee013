-- Replaces a session by one with a new id and secret, for the same user. If it runs again after a lost reply, it finds the new
-- session and reports it.
-- KEYS[1]  old session; beside it lies the block on the user in the record
-- KEYS[2]  new session
-- KEYS[3]  prefix of the indexes, completed with the user id in the record
-- ARGV[1]  hash of the old secret
-- ARGV[2]  hash of the new secret
-- ARGV[3]  user whom the session must belong to, JSON-escaped; '' for any user
-- ARGV[4]  after a new authentication, which restarts both clocks of a user's session, '1'; or the idle timeout and the absolute
--          timeout that it has from now on, ms, which restart a guest's too; else '0'
-- ARGV[5]  ms for which the old session stays valid
-- ARGV[6]  the version that the claims must still have, or '' for any
-- ARGV[7]  most bytes that all claims may take
-- ARGV[8]  how many sessions the user may have, for a second log-in, which adds one; 0 for any number
-- ARGV[9]  for how many ms a session that ends leaves its ending (see record.lua); 0 for none
-- ARGV[10…] pairs of field and value to change; '' removes the field
-- Returns  {'none'}, {'secret'}, {'corrupt'}, {'superseded'} (it has a successor), {'taken'} (another session has the new id),
--          {'foreign', session as text} (another user's, or a guest's), {'blocked', until or '', reason} (the user is blocked),
--          {'size', bytes} or {'many', claims}, {'conflict', session as text} (another version), or {'ok', session as text}
local id, old_id, sessions = string.sub(KEYS[2], -26), string.sub(KEYS[1], -26), string.sub(KEYS[1], 1, -27)
local fresh, fresh_ends, fresh_left = open(KEYS[2])
if fresh then
  if fresh.h ~= ARGV[2] then return { 'taken' } end
  return { 'ok', told(fresh, fresh_ends, fresh_left) }
end

local trail, mark = stem(KEYS[1], old_id) .. 'e:' .. old_id, stem(KEYS[2], id) .. 'm:' .. id
local record, ends, left = open(KEYS[1])
-- The second of two log-ins (a double click) goes on from what the first one found.
local is_second = not record and ARGV[3] ~= ''
if is_second then
  -- The first run has made the new session, and it has ended since. It must not come back.
  if remembered(mark) then return { 'none' } end
  record, ends, left = origin_in(trail, sessions, ARGV[1], ARGV[3])
end
local refused = session_refusal(record, ARGV[1], ends, left)
if refused then return { refused } end
if record.n then return { 'superseded' } end
-- Where it would be one too many, the caller creates a session in its own right, for which another is evicted, or is refused.
local most = tonumber(ARGV[8])
if is_second and most > 0 and call('ZCARD', KEYS[3] .. ARGV[3]) >= most then return { 'none' } end
if ARGV[3] ~= '' and record.u ~= ARGV[3] then return { 'foreign', told(record, ends, left) } end
if ARGV[6] ~= '' and (record.v or '0') ~= ARGV[6] then return { 'conflict', told(record, ends, left) } end
-- A call of blockUser that was interrupted may have left this session: it is not rotated.
local blocked = record.u and load(stem(KEYS[1], old_id) .. 'b:' .. record.u)
if blocked then return { 'blocked', blocked.e or '', blocked.r or '' } end
local created, authenticated, seen, idle, absolute = times(record, ends, left)
local now = ends - left
ends = math.min(ends, created + absolute)
-- A second log-in must not see what this one changes.
local found = {}
for field, value in pairs(record) do found[field] = value end
local _, _, excess = patched(record, 10, tonumber(ARGV[7]))
if excess then return excess end
if ARGV[10] then record.v = digits((record.v or 0) + 1) end

-- After a failover the clock may be before the creation, but a record holds no negative times.
local age, index = math.max(0, now - created), record.u and KEYS[3] .. record.u
-- If the index holds something else, this fails before anything is written.
if index then
  call('ZCARD', index)
  call('LLEN', arrivals_of(index, sessions))
end
local gone = {}
-- At most one predecessor lives at a time, so that a script that ends a session need not follow a chain.
if record.p then gone[1] = record.p end
-- The old session is changed first: when Redis is out of memory, it judges only the first write of a script, and allows this
-- one.
local grace = math.min(tonumber(ARGV[5]), ends - created - age)
local last
if grace > 0 then
  -- The end of the grace becomes its absolute deadline, so that no touch can move it.
  last = created + age + grace
  redis.call('PEXPIREAT', KEYS[1], digits(last))
  local old_times = times_of(created, authenticated, idle, age + grace)
  redis.call('HSET', KEYS[1], 'n', id, 't', old_times, 's', digits(math.max(0, seen)))
  -- A grace of 1 ms may be over by now: then the key was gone, and HSET has made one without an end.
  redis.call('PEXPIREAT', KEYS[1], digits(last))
  record.p = old_id
else
  gone[#gone + 1] = old_id
  record.p = nil
end
local why = cause('n', '', ARGV[9])
local hashes = hashes_of(sessions, gone, why)
if #gone > 0 then redis.call('DEL', unpack(keys_of(gone, sessions))) end
-- A log-in has no grace, so the old one has ended.
if ARGV[3] ~= '' and not is_second then leave_trail(trail, ARGV[1], found, id, ARGV[3], record.u, 0, record.v or '0') end

local new_idle, new_absolute = string.match(ARGV[4], '^(%d+) (%d+)$')
if ARGV[4] ~= '0' and (record.u or new_idle) then
  absolute = (tonumber(new_absolute) or absolute - (tonumber(authenticated) or 0)) + age
  idle = tonumber(new_idle) or idle
  if record.u then authenticated = digits(age) end
end
if not record.u then record.g = record.g or old_id end
record.h = ARGV[2]
record.t = times_of(created, authenticated, idle, absolute)
record.s = age + idle > absolute and digits(age) or nil
ends = created + math.min(age + idle, absolute)
-- These two come first, where touch.lua looks for them.
local fields = { 'h', record.h, 't', record.t }
for field, value in pairs(record) do
  if field ~= 'h' and field ~= 't' then
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
end
-- The new session enters the index before the old one leaves it, so that the index is never empty in between.
if index then
  enlist(index, sessions, id, bound(ends, created, idle, absolute), now)
  if last then
    call('ZADD', index, digits(last), old_id)
    -- Its new score may be on a page that an update has done already.
    note_arrival(index, sessions, old_id)
  end
  unlist(index, gone)
end
call_many('HSET', KEYS[2], fields)
redis.call('PEXPIREAT', KEYS[2], digits(ends))
local keys = stem(KEYS[1], old_id)
leave_endings(keys, gone, why, hashes)
if last then
  gone[#gone + 1] = old_id
  if why.ms > 0 then leave_ending(keys .. 'y:' .. old_id, ARGV[1], why, last, grace + why.ms) end
end
-- Processes that watch the old session, or have it in memory, must know now, although its token stays valid for the grace.
tell(keys, why.letter, gone)
-- No index names the sessions of a guest. Without this revokeAll could miss one that is rotated all the time.
if record.g then redis.call('SET', keys .. 'g:' .. record.g, id, 'PX', WHEREABOUTS_MS) end
-- For as long as the trail may be there.
if is_second then remember(mark, 10000, { id }) end
return { 'ok', told(record, ends, ends - now) }
