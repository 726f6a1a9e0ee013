-- Consumes a one-time token. Its record moves to a key that only this call knows: all others find it gone, and a second run
-- after a lost reply finds it there.
-- KEYS[1]  token
-- KEYS[2]  what this call has consumed
-- ARGV[1]  hash of the secret
-- ARGV[2]  for how many ms the caller may be waiting for a reply
-- Returns  'none', 'secret' (it does not match; the token stays valid), 'corrupt', or the record, joined by newlines,
--          without its hash
local record = load(KEYS[1])
if not record then
  local consumed = load(KEYS[2])
  return consumed and text(consumed) or 'none'
end
local refused = refusal(record, ARGV[1])
if refused then return refused end
-- A move of the slot may have put off the end of the key, and not that of the token.
local expires = string.match(record.t, ' (%d+)$')
if expires and clock() > tonumber(expires) then return 'none' end
-- Redis allows both commands when it is out of memory.
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIREAT', KEYS[2], digits(clock() + tonumber(ARGV[2])))
return text(record)
