-- Changes claims of the sessions that a user has gained since an update of all sessions began. It does all that are in the list
-- at this moment, so the update ends, even if log-ins go on.
-- KEYS[1]  index of the user; beside it lie the sessions, and the list of those that were gained (see index.lua)
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  mark of the list
-- ARGV[3]  how many entries of it were read before
-- ARGV[4]  most sessions to change
-- ARGV[5]  most bytes that all claims of one session may take
-- ARGV[6]  mark of this call, ARGV[7] for how many ms to keep it
-- ARGV[8…] pairs of field and value; '' removes the field
-- Returns  {'lost'} (the list has expired: the update must begin again), {'size', bytes}, {'many', claims} or {'corrupt', id}
--          (nothing was written), {'ok', entries read, entries left, changed ids …}, or {'moving', entries read, entries
--          left, ids …} (nothing was written: Redis Cluster is moving the slot, and these sessions are not all here)
-- Bound    ARGV[4] sessions, or fewer if they are large (see WORK in index.lua)
local keys = stem(KEYS[1], ARGV[1])
local own = keys .. 'm:' .. ARGV[6]
-- A second run must not undo what others have changed since.
local before = remembered(own)
if before then return before end
local sessions = keys .. 's:'
local arrivals = arrivals_of(KEYS[1], sessions)
local from, most = tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('LINDEX', arrivals, 0) ~= ARGV[2] then return { 'lost' } end
local ids = redis.call('LRANGE', arrivals, from, from + most - 1)
local size = redis.call('LLEN', arrivals)
if #ids > 0 and not together(KEYS[1], own, unpack(keys_of(ids, sessions))) then
  return { 'moving', from + #ids, size - from - #ids, unpack(ids) }
end
local reply = { 'ok', 0, 0 }
local excess, done = patch_page(sessions, ids, reply, 8, tonumber(ARGV[5]))
if excess then return excess end
reply[2], reply[3] = from + done, size - from - done
if #reply > 3 then remember(own, ARGV[7], reply) end
return reply_of(reply)
