-- Takes sessions that have ended out of the index of their user. Revocations do that themselves, except while the slot is
-- moving.
-- KEYS[1]  index of the user
-- ARGV[1…] ids
-- Returns  how many of them it named
return unlist(KEYS[1], ARGV)
