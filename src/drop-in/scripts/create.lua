-- Stores a session under a key that is free. If it runs again after a lost reply, it finds what its first run has stored.
-- KEYS[1]  session
-- ARGV[1]  its record
-- ARGV[2]  ms to live, or '' for ever
-- Returns  {'ok'}, {'again'} (this record was there already), or {'conflict', record} (there is another)
local stored = redis.call('GET', KEYS[1])
if stored and stored ~= ARGV[1] then return { 'conflict', stored } end
if ARGV[2] == '' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return { stored and 'again' or 'ok' }
