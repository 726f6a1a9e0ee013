-- Ends a session that was created up to an instant: the part of revokeAll for a guest's session, and for one that is not where
-- the index of its user is, because the slot is moving. It leaves the partner alone, which is found by itself.
-- KEYS[1]  session; beside it lies the index of the user in the record
-- ARGV[1]  the instant, epoch ms
-- ARGV[2]  mark of this call, ARGV[3] for how many ms to keep it
-- ARGV[4]  letter of the reason (see feed.ts), ARGV[5] note, JSON-escaped, or ''
-- ARGV[6]  for how many ms the session leaves its ending (see record.lua); 0 for none
-- Returns  {'none'} (there is none, or it is younger), or {'ended', user id or '', moving or '', id}, where the word moving means
--          that Redis Cluster is moving the slot, and the index is not here and still names it; the id has a space and the
--          hash of its secret behind it if its ending could not be left here
local mark = stem(KEYS[1], string.sub(KEYS[1], -26)) .. 'm:' .. ARGV[2]
local record = open(KEYS[1])
if not record then return remembered(mark) or { 'none' } end
if not is_from(KEYS[1], tonumber(ARGV[1])) then return { 'none' } end
return remember(mark, ARGV[3], strike_pair(KEYS[1], record, true, cause(ARGV[4], ARGV[5], ARGV[6])))
