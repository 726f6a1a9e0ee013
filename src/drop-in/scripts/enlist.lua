-- Puts a session into the index of a user, or extends its time there; the index lives as long as its latest member. The score
-- is the instant until which the session may live, in ms, plus a fraction that tells when this script added it: the second,
-- modulo 4096, in 4096ths. A score never falls, because of two saves the later one may be enlisted first. Removes at most 100
-- members that have expired, which is more than the one that it adds.
-- KEYS[1]  index of the user
-- ARGV[1]  session id
-- ARGV[2]  ms to live, or '' for ever
-- Returns  'ok'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The year 2100 stands for "for ever". The session is stored after this, so its time begins up to a minute later.
local forever = 4102444800000
local expires = ARGV[2] == '' and forever or math.min(forever, now + ARGV[2] + 60000)
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if known then expires = math.max(expires, math.floor(known + 0)) end
redis.call('ZADD', KEYS[1], string.format('%.17g', expires + time[1] % 4096 / 4096), ARGV[1])
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)
if #dead > 0 then redis.call('ZREM', KEYS[1], unpack(dead)) end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2] + 0
if last >= forever then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(last)))
end
return 'ok'
