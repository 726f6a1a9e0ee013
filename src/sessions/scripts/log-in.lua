-- Ends a session and its partner, because a log-in has replaced it by another in the slot of the user. If it runs again after a
-- lost reply, it finds that it has run.
-- KEYS[1]  session; beside it lies the index of the user in the record
-- ARGV[1]  hash of the secret
-- ARGV[2]  the version that the claims must still have; '' for any, and then also of a session with a successor
-- ARGV[3]  '1' to leave the partner alone, else ''
-- ARGV[4]  id of the session that takes this one's place
-- ARGV[5]  for how many ms the caller may be waiting for a reply
-- ARGV[6]  user who logs in, JSON-escaped
-- ARGV[7]  for how many ms each session leaves its ending (see record.lua); 0 for none
-- Returns  as revoke.lua does: {'none'}, {'secret'}, {'ended', user id or '', 'moving' or '', ended ids …} or {'moving', id};
--          and {'superseded'} (it has a successor), {'conflict', session as text} (another version), or {'left', trail} (another
--          log-in of the same user has ended it a moment ago)
local id = string.sub(KEYS[1], -26)
-- What a log-in leaves of the session.
local trail = stem(KEYS[1], id) .. 'e:' .. id
local record, ends, left = open(KEYS[1])
if not record then
  local left = load(trail)
  if left and left.n == ARGV[4] then return { 'ended', '', '', id } end
  left = trail_for(trail, ARGV[1], ARGV[6])
  return left and { 'left', left } or { 'none' }
end
if record.h ~= ARGV[1] then return { 'secret' } end
if ARGV[2] ~= '' and record.n then return { 'superseded' } end
if ARGV[2] ~= '' and (record.v or '0') ~= ARGV[2] then return { 'conflict', told(record, ends, left) } end

local reply = strike_pair(KEYS[1], record, ARGV[3] == '1', cause('n', '', ARGV[7]))
-- A node that the slot is leaving can make no new key: then the log-in leaves no trail.
if reply[1] == 'ended' and together(trail) then
  -- The next user must not get the claims of a user.
  local kept = record.u and { v = record.v, i = record.i, a = record.a } or record
  leave_trail(trail, ARGV[1], kept, ARGV[4], ARGV[6], record.u, tonumber(ARGV[5]))
end
return reply
