-- Reads a session together with its time to live.
-- KEYS[1]  session
-- Returns  {'ok', record, ms to live, or -1 for ever}, or {'ok', nil, -2} if there is none
return { 'ok', redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }
