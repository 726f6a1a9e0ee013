-- Ends one page of a user's sessions.
-- KEYS[1]  index of the user; beside it lie the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  id of a session to spare, or ''
-- ARGV[3]  most sessions in this page
-- ARGV[4]  '1' to write something in any case, for a WAIT, else ''
-- Returns  {'more' where more are left, else 'done', ended ids …}, or {'moving', ids …} (nothing was done: Redis Cluster is
--          moving the slot, and these sessions are not all here)
-- Bound    ARGV[3] sessions
if ARGV[4] == '1' and call('ZCARD', KEYS[1]) == 0 then trace(KEYS[1]) end
return strike_page(KEYS[1], stem(KEYS[1], ARGV[1]) .. 's:', ARGV[2], tonumber(ARGV[3]))
