-- Issues a one-time token and voids the one before it. If it runs again with the same id, it finds its first run in the log,
-- even if a later token has replaced this one or it was revoked: then it changes nothing.
-- KEYS[1]  token: a hash with h and t as every record has them (t: when issued, when it expires, epoch ms), u (subject,
--          JSON-escaped) and d (data, JSON; absent for none)
-- KEYS[2]  log of the subject: a list of when and id, newest first; the latest, and all that are less than an hour old
-- ARGV[1]  hash of the secret
-- ARGV[2]  how long it lives, ms
-- ARGV[3]  most tokens that may be issued to a subject in an hour
-- ARGV[4]  subject, JSON-escaped
-- ARGV[5]  data, JSON, or ''
-- Returns  {'ok', when issued}, {'limit', ms until the next may be issued}, {'taken'} (another token has this id), or
--          {'corrupt'} (the log is not of coatcheck's making)
-- Bound    the tokens that were issued to the subject within an hour, at most 1000
local HOUR = 3600000
local id, tokens = string.sub(KEYS[1], -26), string.sub(KEYS[1], 1, -27)
local now, most = clock(), tonumber(ARGV[3])

local issued, recent = {}, 0
local log = call('LRANGE', KEYS[2], 0, -1)
for i, entry in ipairs(log) do
  local at, other = string.match(entry, '^(%d+) (%w+)$')
  if not at then return { 'corrupt' } end
  if other == id then return { 'ok', at } end
  issued[i] = { at = tonumber(at), id = other }
  if issued[i].at > now - HOUR then recent = i end
end
if recent >= most then return { 'limit', digits(issued[most].at + HOUR - now) } end
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'taken' } end

-- The log comes first: when Redis is out of memory, it judges only the first write of a script, and refuses this one. So the
-- token before stays valid.
redis.call('LPUSH', KEYS[2], digits(now) .. ' ' .. id)
redis.call('LTRIM', KEYS[2], 0, recent)
local expires = now + tonumber(ARGV[2])
redis.call('PEXPIREAT', KEYS[2], digits(math.max(now + HOUR, expires)))
if issued[1] then redis.call('DEL', tokens .. issued[1].id) end
redis.call('HSET', KEYS[1], 'h', ARGV[1], 't', digits(now) .. ' ' .. digits(expires), 'u', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'd', ARGV[5]) end
redis.call('PEXPIREAT', KEYS[1], digits(expires))
return { 'ok', digits(now) }
