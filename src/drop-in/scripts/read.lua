-- Reads a session together with its time to live.
-- KEYS[1]  session
-- Returns  {record, ms to live, or -1 for ever}, or {nil, -2} if there is none
return { redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }
