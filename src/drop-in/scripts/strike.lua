-- Takes sessions out of the index of a user. The time to live of the index stays: it is corrected when the next member is
-- added.
-- KEYS[1]  index of the user
-- ARGV[1]  how many seconds ago each of them was enlisted at least; 0 for any. A younger one stays: it may belong to a
--          session that is about to be stored
-- ARGV[2…] session ids
-- Returns  how many were taken out
local second, youngest, struck = redis.call('TIME')[1], tonumber(ARGV[1]), 0
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score then
    local age = (second - score % 1 * 4096) % 4096
    -- If the clock was set back, a young member looks very old.
    if youngest == 0 or (age >= youngest and age <= 4096 - youngest) then
      struck = struck + redis.call('ZREM', KEYS[1], ARGV[i])
    end
  end
end
return struck
