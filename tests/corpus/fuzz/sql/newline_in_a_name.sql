CREATE TABLE "T
" (id bigserial PRIMARY KEY, b text[]);
DROP TABLE "a
[[b" CASCADE;
