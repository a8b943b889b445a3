\set ON_ERROR_STOP on
SET lock_timeout = '2s';
COPY public.t (a, b) FROM stdin;
1	it's
\.
CREATE FUNCTION f(a int, OUT b text) RETURNS text LANGUAGE plpgsql AS $body$ BEGIN b := 'x;y'; END $body$;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;
-- pgphase:allow drop-table, create-index: nobody uses it
DROP TABLE t;
COMMENT ON COLUMN t.a IS E'a\tb\\c';
CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);
