-- Ends one page of a user's sessions.
-- KEYS[1]  index of the user
-- KEYS[2]  prefix of the sessions, completed with the ids in the index
-- ARGV[1]  id of a session to spare, or ''
-- ARGV[2]  most sessions in this page
-- Returns  {1 where more are left, else 0, ended ids …}
-- Bound    ARGV[2] sessions
return strike_page(KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]))
