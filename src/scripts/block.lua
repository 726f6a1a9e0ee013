-- Blocks a user and ends the first page of their sessions.
-- KEYS[1]  block on the user: a hash of since (s) and until (e), epoch ms, and reason (r), JSON-escaped
-- KEYS[2]  index of the user
-- KEYS[3]  prefix of the sessions, completed with the ids in the index
-- ARGV[1]  until when, epoch ms, or '' for good
-- ARGV[2]  reason, or ''
-- ARGV[3]  most sessions in this page
-- Returns  {'past', the clock of Redis} (nothing was done), or {1 where more sessions are left, else 0, ended ids …}
-- Bound    ARGV[3] sessions
local now = clock()
if ARGV[1] ~= '' and tonumber(ARGV[1]) <= now then return { 'past', digits(now) } end
-- Should the index hold something else, this fails before anything is written.
call('ZCARD', KEYS[2])
-- An older block goes, with its TTL. Also, Redis judges only the first write of a script when it is out of memory, and
-- allows this one: a user can be blocked then, too.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 's', digits(now))
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], 'e', ARGV[1])
  redis.call('PEXPIREAT', KEYS[1], ARGV[1])
end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'r', ARGV[2]) end
return strike_page(KEYS[2], KEYS[3], '', tonumber(ARGV[3]))
