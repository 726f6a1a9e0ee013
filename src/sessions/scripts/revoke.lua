-- Ends a session and its partner.
-- KEYS[1]  session; beside it lies the index of the user in the record
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- ARGV[2]  '1' to leave the partner alone, else ''
-- ARGV[3]  mark of this call, ARGV[4] for how many ms to keep it
-- ARGV[5]  letter of the reason (see feed.ts)
-- ARGV[6]  note, JSON-escaped, or ''
-- ARGV[7]  for how many ms each session leaves its ending (see record.lua); 0 for none
-- ARGV[8]  '1' to write something in any case, for a WAIT, else ''
-- Returns  {'none'}, {'secret'}, {'ended', user id or '', 'moving' or '', ended ids …}, where 'moving' means that Redis
--          Cluster is moving the slot, and the index is not here and still names them; an id whose ending could not be left
--          here has a space and the hash of its secret behind it; or {'moving', id} (nothing was done: the partner has this
--          id, is not here, and must be ended first)
local mark = stem(KEYS[1], string.sub(KEYS[1], -26)) .. 'm:' .. ARGV[3]
local record = open(KEYS[1])
if not record then
  if ARGV[8] == '1' then trace(KEYS[1]) end
  return remembered(mark) or { 'none' }
end
if ARGV[1] ~= '' and record.h ~= ARGV[1] then return { 'secret' } end
local reply = strike_pair(KEYS[1], record, ARGV[2] == '1', cause(ARGV[5], ARGV[6], ARGV[7]))
return reply[1] == 'ended' and remember(mark, ARGV[4], reply) or reply
