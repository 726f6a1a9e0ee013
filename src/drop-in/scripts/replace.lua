-- Replaces a record by another, if that one is still there: it never brings a session back. If it runs again after a lost
-- reply, it finds what its first run has stored.
-- KEYS[1]  session
-- ARGV[1]  the record that must be there
-- ARGV[2]  the new record
-- ARGV[3]  ms to live, '' for ever, or 'keep' for as long as it has now
-- Returns  {'ok'}, {'none'} (the session is gone), or {'conflict', record} (another is there)
local stored = redis.call('GET', KEYS[1])
if not stored then return { 'none' } end
if stored ~= ARGV[1] and stored ~= ARGV[2] then return { 'conflict', stored } end
if ARGV[3] == 'keep' then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
elseif ARGV[3] == '' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return { 'ok' }
