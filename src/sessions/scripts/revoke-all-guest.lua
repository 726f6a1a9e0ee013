-- Ends the latest session of a guest if it was created up to an instant: the part of revokeAll for a session that is rotated
-- meanwhile. It leaves the partner alone, which is found by itself.
-- KEYS[1]  whereabouts of the guest; beside it lie the sessions
-- ARGV[1]  the instant, epoch ms
-- ARGV[2]  mark of this call, ARGV[3] for how many ms to keep it
-- ARGV[4]  letter of the reason (see feed.ts), ARGV[5] note, JSON-escaped, or ''
-- ARGV[6]  for how many ms the session leaves its ending (see record.lua); 0 for none
-- Returns  {'none'} (there is none, or it is younger), {'ended', '', '', id} (the id has a space and the hash of its secret behind
--          it if its ending could not be left here), or {'moving', id} (nothing was done: Redis Cluster is moving the slot, and
--          the session is not here)
local keys = stem(KEYS[1], string.sub(KEYS[1], -26))
local sessions, mark = keys .. 's:', keys .. 'm:' .. ARGV[2]
local before = remembered(mark)
if before then return before end
local id = call('GET', KEYS[1])
if not id or #id ~= 26 then return { 'none' } end
if not together(KEYS[1], sessions .. id) then return { 'moving', id } end
local record = open(sessions .. id)
if not record or record.u or not is_from(sessions .. id, tonumber(ARGV[1])) then return { 'none' } end
return remember(mark, ARGV[3], strike_pair(sessions .. id, record, true, cause(ARGV[4], ARGV[5], ARGV[6])))
