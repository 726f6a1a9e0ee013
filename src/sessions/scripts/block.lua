-- Blocks a user and ends the first page of their sessions.
-- KEYS[1]  block on the user: a hash of since (s) and until (e), epoch ms, and reason (r), JSON-escaped; beside it lie the
--          index and the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  until when, epoch ms, or '' for good
-- ARGV[3]  reason, or ''
-- ARGV[4]  most sessions in this page
-- ARGV[5]  mark of this call, ARGV[6] for how many ms to keep it
-- ARGV[7]  note for the endings of the sessions, JSON-escaped, or ''
-- ARGV[8]  for how many ms each of them leaves its ending (see record.lua); 0 for none
-- Returns  {'past', the clock of Redis} (nothing was done), {'more' if more sessions are left, else 'done', ended ids
--          …}, or {'moving', ids …} (the user is blocked, and none of their sessions has ended yet: Redis Cluster is moving
--          the slot)
-- Bound    ARGV[4] sessions
local keys = stem(KEYS[1], ARGV[1])
local mark = keys .. 'm:' .. ARGV[5]
-- A second run must not make the block again if somebody has lifted it since.
local before = remembered(mark)
if before then
  -- It writes something, as the WAIT of a second run needs, and changes nothing.
  redis.call('PEXPIREAT', mark, digits(clock() + tonumber(ARGV[6])))
  return before
end
local now = clock()
if ARGV[2] ~= '' and tonumber(ARGV[2]) <= now then return { 'past', digits(now) } end
local index = keys .. 'u:' .. ARGV[1]
local whole = together(KEYS[1], index)
-- If the index holds something else, this fails before anything is written.
if whole then call('ZCARD', index) end
-- Nothing of an older block stays, not even its TTL. When Redis is out of memory, it judges only the first write of a script,
-- and allows this one: so a user can be blocked then too. DEL is used only if the key holds something else, because a node that
-- the slot is leaving cannot make a deleted key again.
if not pcall(redis.call, 'HDEL', KEYS[1], 'e', 'r') then redis.call('DEL', KEYS[1]) end
redis.call('PERSIST', KEYS[1])
local fields = { 's', digits(now) }
for name, value in pairs({ e = ARGV[2], r = ARGV[3] }) do
  if value ~= '' then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end
redis.call('HSET', KEYS[1], unpack(fields))
if ARGV[2] ~= '' then redis.call('PEXPIREAT', KEYS[1], ARGV[2]) end
local why = cause('b', ARGV[7], ARGV[8])
local reply = whole and strike_page(index, keys .. 's:', '', tonumber(ARGV[4]), mark, why) or { 'moving' }
return remember(mark, ARGV[6], reply)
