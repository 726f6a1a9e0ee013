-- Lifts the block on a user.
-- KEYS[1]  block on the user
-- Returns  1 where there was one, else 0
return redis.call('DEL', KEYS[1])
