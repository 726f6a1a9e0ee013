-- Lifts the block on a user.
-- KEYS[1]  block on the user
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  mark of this call, ARGV[3] for how many ms to keep it
-- Returns  {'lifted'}, or {'none'} if there was no block
local mark = stem(KEYS[1], ARGV[1]) .. 'm:' .. ARGV[2]
-- A second run must not lift a block that was made since.
local before = remembered(mark)
if before then return before end
if redis.call('DEL', KEYS[1]) == 0 then return { 'none' } end
return remember(mark, ARGV[3], { 'lifted' })
