-- Voids the one-time token of a subject. The log stays: it still counts, and a token that is issued again finds itself.
-- KEYS[1]  log of the subject: a list of when and id, newest first
-- KEYS[2]  prefix of the tokens, completed with the id in the log
-- KEYS[3]  mark of this call
-- ARGV[1]  for how many ms to keep the mark
-- Returns  {'voided'}, {'none'} if no token was valid, or {'corrupt'} (the log is not of coatcheck's making)
local before = remembered(KEYS[3])
-- A second run must not void a token that was issued since.
if before then return before end
local latest = call('LINDEX', KEYS[1], 0)
if not latest then return { 'none' } end
local id = string.match(latest, '^%d+ (%w+)$')
if not id then return { 'corrupt' } end
if redis.call('DEL', KEYS[2] .. id) == 0 then return { 'none' } end
return remember(KEYS[3], ARGV[1], { 'voided' })
