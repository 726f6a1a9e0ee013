-- Ends one page of a user's sessions.
-- KEYS[1]  index of the user; beside it lie the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  id of a session to spare, or ''
-- ARGV[3]  most sessions in this page
-- ARGV[4]  mark of this call, ARGV[5] for how many ms to keep it
-- ARGV[6]  letter of the reason (see feed.ts)
-- ARGV[7]  note, JSON-escaped, or ''
-- ARGV[8]  for how many ms each session leaves its ending (see record.lua); 0 for none
-- ARGV[9]  '1' to write something in any case, for a WAIT, else ''
-- Returns  {'more' if more are left, else 'done', ended ids …}, or {'moving', ids …} (nothing was done: Redis Cluster is
--          moving the slot, and these sessions are not all here)
-- Bound    ARGV[3] sessions
local keys = stem(KEYS[1], ARGV[1])
local mark = keys .. 'm:' .. ARGV[4]
local before = remembered(mark)
if before then
  -- It writes something, as the WAIT of a second run needs, and changes nothing.
  redis.call('PEXPIREAT', mark, digits(clock() + tonumber(ARGV[5])))
  return before
end
local why = cause(ARGV[6], ARGV[7], ARGV[8])
local reply = strike_page(KEYS[1], keys .. 's:', ARGV[2], tonumber(ARGV[3]), mark, why)
if reply[1] == 'moving' then return reply end
-- If nothing was written, Redis would refuse a mark when it is out of memory.
if #reply > 1 then return remember(mark, ARGV[5], reply) end
if ARGV[9] == '1' then trace(mark) end
return reply
