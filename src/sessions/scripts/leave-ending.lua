-- Leaves the ending of a session, for a script that has ended it on a node that could make no new key, because the slot is
-- leaving it. The node to which the slot goes can.
-- KEYS[1]  ending
-- ARGV[1]  hash of the secret of the session
-- ARGV[2]  letter of the reason (see feed.ts)
-- ARGV[3]  note, JSON-escaped, or ''
-- ARGV[4]  for how many ms to leave it
-- Returns  'left', or 'moving' (the slot has begun to move on)
local why = cause(ARGV[2], ARGV[3], ARGV[4])
return leave_ending(KEYS[1], ARGV[1], why, clock(), why.ms) and 'left' or 'moving'
