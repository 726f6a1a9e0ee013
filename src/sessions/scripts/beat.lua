-- A beat of a process that must hear the feed, for the near cache or for watches: checks that what its last beats have left is
-- still there, leaves this one, and lets the process hear it on its channel. It writes, so a server that has become a replica,
-- or has too few of them, refuses it. Its messages come through one connection with what other scripts tell, and so in the
-- order of the steps of Redis.
-- KEYS[1]  canary of the process; its channel has its name
-- ARGV[1]  number of the last beat of which the process knows that it has run; 0 for none
-- ARGV[2]  number of this beat, higher than those before
-- ARGV[3]  for how many ms the canary stays
-- Returns  'told', 'lost' (the canary is gone, or older than the beat in ARGV[1]: this Redis has lost writes; the process is told
--          that), or 'mute' (the user of Redis may not publish)
-- When Redis is out of memory, it judges only the first write of a script, and allows this one.
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local left = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
local is_lost = ARGV[1] ~= '0' and (tonumber(left or '') or 0) < tonumber(ARGV[1])
-- The name of the key is: prefix, hash tag of five characters, ':c:', name of the process, which has 12.
local channel = string.sub(KEYS[1], 1, -21) .. 'near:' .. string.sub(KEYS[1], -12)
local published = pcall(redis.call, 'PUBLISH', channel, is_lost and 'lost' or ARGV[2])
if not published then return 'mute' end
return is_lost and 'lost' or 'told'
