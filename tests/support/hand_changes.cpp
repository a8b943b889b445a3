#include "tests/support/hand_changes.hpp"

#include <algorithm>
#include <iterator>

namespace pgphase::testing {

const char* const k_rich_schema = R"sql(
DO $$ BEGIN CREATE ROLE shop_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
DO $$ BEGIN CREATE ROLE shop_owner; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
CREATE SCHEMA shop;
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TYPE address AS (street text, zip varchar(10));
CREATE DOMAIN quantity AS integer DEFAULT 1 CONSTRAINT not_none CHECK (VALUE > 0);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE SEQUENCE shop.ticket START 10 INCREMENT 5;
CREATE TABLE customers (
  id serial PRIMARY KEY, email text NOT NULL, name text, home address, likes colour, UNIQUE (email));
CREATE TABLE orders (
  id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer integer REFERENCES customers,
  title    varchar(200) NOT NULL,
  note     text,
  open     boolean NOT NULL DEFAULT true,
  urgency  smallint DEFAULT 5 CONSTRAINT urgency_range CHECK (urgency BETWEEN 1 AND 9),
  pieces   quantity,
  placed   timestamptz NOT NULL DEFAULT now(),
  title_length integer GENERATED ALWAYS AS (length(title)) STORED
) WITH (fillfactor = 90);
INSERT INTO customers (email, name) SELECT 'c' || i || '@example.org', 'c' || i FROM generate_series(1, 10) i;
INSERT INTO orders (customer, title) SELECT i, 'order ' || i FROM generate_series(1, 10) i;
ALTER TABLE orders ADD CONSTRAINT note_short CHECK (length(note) < 1000) NOT VALID;
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_open ON orders (placed) WHERE open;
CREATE UNIQUE INDEX orders_unique ON orders (title, id);
CREATE STATISTICS orders_correlated ON customer, urgency FROM orders;
COMMENT ON TABLE orders IS 'what people want';
COMMENT ON COLUMN orders.note IS 'for the packers';
CREATE TABLE shop.settings (key text PRIMARY KEY, value text);
CREATE TABLE events (at date NOT NULL, what text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE base (a integer);
CREATE TABLE heir (b integer) INHERITS (base);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.placed := now(); RETURN NEW; END $$;
CREATE FUNCTION add_one(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';
CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM orders WHERE NOT open';
CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE TRIGGER stamp_orders BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER stamp_events BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE VIEW open_orders AS SELECT id, title FROM orders WHERE open;
CREATE MATERIALIZED VIEW urgencies AS SELECT urgency, count(*) FROM orders GROUP BY 1;
CREATE RULE keep_settings AS ON DELETE TO shop.settings DO INSTEAD NOTHING;
CREATE POLICY own_orders ON orders FOR SELECT TO shop_reader USING (customer = 1);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON orders TO shop_reader;
GRANT USAGE ON SCHEMA shop TO shop_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO shop_reader;
CREATE PUBLICATION feed FOR TABLE orders;
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION seen();
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER far FOREIGN DATA WRAPPER nothing OPTIONS (host 'a');
CREATE FOREIGN TABLE remote (id integer) SERVER far;
)sql";

const char* const k_thousand_tables = R"sql(
DO $$ BEGIN
  FOR i IN 1..1000 LOOP
    EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, a text NOT NULL, b integer DEFAULT 7, '
                   'c timestamptz DEFAULT now(), d numeric(10, 2), e jsonb, f boolean, g uuid, h date, '
                   'i varchar(50) CHECK (length(i) > 0))', i);
    EXECUTE format('CREATE INDEX t%s_a ON t%s (a)', i, i);
    EXECUTE format('CREATE INDEX t%s_b ON t%s (b, c) WHERE f', i, i);
  END LOOP;
END $$
)sql";

const std::vector<HandChange>& hand_changes() {
  static const std::vector<HandChange> changes{
      // tables
      {"TableAdded",
       "CREATE TABLE extra (id serial PRIMARY KEY, n integer CHECK (n > 0))",
       {"table extra was not there before"}},
      {"TableDropped", "DROP TABLE shop.settings", {"table shop.settings is missing"}},
      {"TableRenamed",
       "ALTER TABLE base RENAME TO basis",
       {"table base is missing", "table basis was not there before",
        "table heir: inherits was public.base, is public.basis"}},
      {"TableUnlogged",
       "ALTER TABLE shop.settings SET UNLOGGED",
       {"table shop.settings: persistence was permanent, is unlogged"}},
      {"TableOwner", "ALTER TABLE base OWNER TO shop_owner", {"table base: owner was postgres, is shop_owner"}},
      {"TableOptions",
       "ALTER TABLE orders SET (fillfactor = 70)",
       {"table orders: options was fillfactor=90, is fillfactor=70"}},
      {"TableToastOptions",
       "ALTER TABLE orders SET (toast.autovacuum_enabled = off)",
       {"table orders: toast options was none, is autovacuum_enabled=off"}},
      {"TableComment", "COMMENT ON TABLE orders IS NULL", {"table orders: comment was what people want, is none"}},
      {"TableReplicaIdentity",
       "ALTER TABLE orders REPLICA IDENTITY FULL",
       {"table orders: replica identity was the primary key, is full"}},
      {"TableReplicaIndex",
       "ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_unique",
       {"table orders: replica identity was the primary key, is index orders_unique"}},
      {"TableInherits", "ALTER TABLE heir NO INHERIT base", {"table heir: inherits was public.base, is none"}},
      {"RowSecurityOff",
       "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
       {"table orders: row security was enabled, is disabled"}},
      {"RowSecurityForced",
       "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
       {"table orders: row security was enabled, is enabled and forced"}},
      {"PartitionDetached",
       "ALTER TABLE events DETACH PARTITION events_2024",
       {"index events_2024_pkey on events_2024: attached to was public.events_pkey, is none",
        "table events_2024: bound was FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'), is none",
        "table events_2024: partition of was public.events, is none"}},
      {"PartitionAdded",
       "CREATE TABLE events_rest PARTITION OF events DEFAULT",
       {"table events_rest was not there before"}},
      // columns
      {"ColumnAdded", "ALTER TABLE orders ADD COLUMN extra integer", {"column orders.extra was not there before"}},
      {"ColumnDropped",
       "ALTER TABLE orders DROP COLUMN note",
       {"column orders.note is missing", "constraint note_short on orders is missing"}},
      {"ColumnRenamed",
       "ALTER TABLE customers RENAME COLUMN name TO called",
       {"column customers.called was not there before", "column customers.name is missing"}},
      {"ColumnType",
       "ALTER TABLE orders ALTER COLUMN note TYPE varchar(80)",
       {"column orders.note: type was text, is character varying(80)",
        "constraint note_short on orders: definition was CHECK ((length(note) < 1000)), is CHECK "
        "((length((note)::text) < 1000))"}},
      {"ColumnTypeInPartitions",
       "ALTER TABLE events ALTER COLUMN what TYPE varchar(80)",
       {"column events.what: type was text, is character varying(80)"}},
      {"ColumnDefault",
       "ALTER TABLE orders ALTER COLUMN urgency SET DEFAULT 6",
       {"column orders.urgency: default was 5, is 6"}},
      {"ColumnDefaultDropped",
       "ALTER TABLE orders ALTER COLUMN urgency DROP DEFAULT",
       {"column orders.urgency: default was 5, is none"}},
      {"ColumnNotNull",
       "ALTER TABLE orders ALTER COLUMN urgency SET NOT NULL",
       {"column orders.urgency: nullable was yes, is no"}},
      {"ColumnNullable",
       "ALTER TABLE orders ALTER COLUMN title DROP NOT NULL",
       {"column orders.title: nullable was no, is yes"}},
      {"ColumnNotNullNotValid",
       "ALTER TABLE orders ADD CONSTRAINT urgency_given NOT NULL urgency NOT VALID",
       {"column orders.urgency: name of its NOT NULL was none, is urgency_given",
        "column orders.urgency: nullable was yes, is no, but not validated"},
       18},
      {"ColumnCollation",
       R"(ALTER TABLE customers ALTER COLUMN name TYPE text COLLATE "C")",
       {R"(column customers.name: collation was none, is pg_catalog."C")"}},
      {"ColumnIdentity",
       "ALTER TABLE orders ALTER COLUMN id SET GENERATED BY DEFAULT",
       {"column orders.id: identity was always, is by default"}},
      {"ColumnIdentityOptions",
       "ALTER TABLE orders ALTER COLUMN id SET INCREMENT 10",
       {"sequence orders_id_seq on orders: increment was 1, is 10"}},
      {"ColumnNoLongerGenerated",
       "ALTER TABLE orders ALTER COLUMN title_length DROP EXPRESSION",
       {"column orders.title_length: generated was stored as length((title)::text), is none"}},
      {"ColumnStorage",
       "ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL",
       {"column orders.note: storage was none, is external"}},
      {"ColumnCompression",
       "ALTER TABLE orders ALTER COLUMN note SET COMPRESSION pglz",
       {"column orders.note: compression was none, is pglz"}},
      {"ColumnStatistics",
       "ALTER TABLE orders ALTER COLUMN customer SET STATISTICS 500",
       {"column orders.customer: statistics target was none, is 500"}},
      {"ColumnOptions",
       "ALTER TABLE orders ALTER COLUMN customer SET (n_distinct = 100)",
       {"column orders.customer: options was none, is n_distinct=100"}},
      {"ColumnComment",
       "COMMENT ON COLUMN orders.note IS 'for everybody'",
       {"column orders.note: comment was for the packers, is for everybody"}},
      {"ColumnGrant",
       "GRANT UPDATE (note) ON orders TO shop_reader",
       {"column orders.note: grants to shop_reader was none, is UPDATE"}},
      {"ColumnOrder",
       "ALTER TABLE customers DROP COLUMN name; ALTER TABLE customers ADD COLUMN name text",
       {"table customers: order of columns was id, email, name, home, likes, is id, email, home, likes, name"}},
      // indexes and constraints
      {"IndexAdded", "CREATE INDEX extra ON orders (urgency)", {"index extra on orders was not there before"}},
      {"IndexDropped", "DROP INDEX orders_customer", {"index orders_customer on orders is missing"}},
      {"IndexRenamed",
       "ALTER INDEX orders_customer RENAME TO orders_by_customer",
       {"index orders_by_customer on orders was not there before", "index orders_customer on orders is missing"}},
      {"IndexOnPartitions", "CREATE INDEX extra ON events (what)", {"index extra on events was not there before"}},
      {"IndexOtherColumns",
       "DROP INDEX orders_customer; CREATE INDEX orders_customer ON orders (customer, open)",
       {"index orders_customer on orders: definition was CREATE INDEX orders_customer ON public.orders USING btree "
        "(customer), is CREATE INDEX orders_customer ON public.orders USING btree (customer, open)"}},
      {"IndexOptions",
       "ALTER INDEX orders_customer SET (fillfactor = 70)",
       {"index orders_customer on orders: definition was CREATE INDEX orders_customer ON public.orders USING btree "
        "(customer), is CREATE INDEX orders_customer ON public.orders USING btree (customer) WITH (fillfactor='70')"}},
      {"IndexInvalid",
       "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_customer'::regclass",
       {"index orders_customer on orders: valid was yes, is no"}},
      {"IndexClustered",
       "ALTER TABLE orders CLUSTER ON orders_customer",
       {"index orders_customer on orders: clustered on was none, is yes"}},
      {"IndexComment",
       "COMMENT ON INDEX orders_customer IS 'used by the report'",
       {"index orders_customer on orders: comment was none, is used by the report"}},
      {"ConstraintAdded",
       "ALTER TABLE orders ADD CONSTRAINT extra UNIQUE (title)",
       {"constraint extra on orders was not there before"}},
      {"ConstraintDropped",
       "ALTER TABLE orders DROP CONSTRAINT urgency_range",
       {"constraint urgency_range on orders is missing"}},
      {"ConstraintValidated",
       "ALTER TABLE orders VALIDATE CONSTRAINT note_short",
       {"constraint note_short on orders: validated was no, is yes"}},
      {"ConstraintLooser",
       "ALTER TABLE orders DROP CONSTRAINT urgency_range; "
       "ALTER TABLE orders ADD CONSTRAINT urgency_range CHECK (urgency > 0)",
       {"constraint urgency_range on orders: definition was CHECK (((urgency >= 1) AND (urgency <= 9))), is CHECK "
        "((urgency > 0))"}},
      {"ConstraintDeferrable",
       "ALTER TABLE orders ALTER CONSTRAINT orders_customer_fkey DEFERRABLE",
       {"constraint orders_customer_fkey on orders: definition was FOREIGN KEY (customer) REFERENCES "
        "public.customers(id), is "
        "FOREIGN KEY (customer) REFERENCES public.customers(id) DEFERRABLE"}},
      {"ConstraintNotEnforced",
       "ALTER TABLE orders ALTER CONSTRAINT orders_customer_fkey NOT ENFORCED",
       {"constraint orders_customer_fkey on orders: definition was",
        "constraint orders_customer_fkey on orders: validated"},
       18},
      {"ConstraintComment",
       "COMMENT ON CONSTRAINT urgency_range ON orders IS '1 is urgent'",
       {"constraint urgency_range on orders: comment was none, is 1 is urgent"}},
      {"PrimaryKeyDropped",
       "ALTER TABLE shop.settings DROP CONSTRAINT settings_pkey",
       {"constraint settings_pkey on shop.settings is missing"}},
      {"StatisticsDropped", "DROP STATISTICS orders_correlated", {"statistics orders_correlated on orders is missing"}},
      // what acts by itself
      {"TriggerAdded",
       "CREATE TRIGGER extra AFTER INSERT ON customers FOR EACH ROW EXECUTE FUNCTION stamp()",
       {"trigger extra on customers was not there before"}},
      {"TriggerDropped", "DROP TRIGGER stamp_events ON events", {"trigger stamp_events on events is missing"}},
      {"TriggerDisabled",
       "ALTER TABLE orders DISABLE TRIGGER stamp_orders",
       {"trigger stamp_orders on orders: enabled was yes, is no"}},
      {"TriggerAlways",
       "ALTER TABLE orders ENABLE ALWAYS TRIGGER stamp_orders",
       {"trigger stamp_orders on orders: enabled was yes, is always"}},
      {"TriggerDisabledOnAPartition",
       "ALTER TABLE events_2024 DISABLE TRIGGER stamp_events",
       {"trigger stamp_events on events_2024 was not there before"}},
      {"RuleDropped", "DROP RULE keep_settings ON shop.settings", {"rule keep_settings on shop.settings is missing"}},
      {"PolicyChanged",
       "ALTER POLICY own_orders ON orders USING (customer = 2)",
       {"policy own_orders on orders: using was (customer = 1), is (customer = 2)"}},
      {"PolicyRoles",
       "ALTER POLICY own_orders ON orders TO PUBLIC",
       {"policy own_orders on orders: roles was shop_reader, is PUBLIC"}},
      {"EventTriggerDisabled", "ALTER EVENT TRIGGER watch DISABLE", {"event trigger watch: enabled was yes, is no"}},
      // views
      {"ViewChanged",
       "CREATE OR REPLACE VIEW open_orders AS SELECT id, title FROM orders WHERE NOT open",
       {"view open_orders: definition was SELECT"}},
      {"ViewDropped", "DROP VIEW open_orders", {"view open_orders is missing"}},
      {"ViewOptions",
       "ALTER VIEW open_orders SET (security_barrier)",
       {"view open_orders: options was none, is security_barrier=true"}},
      {"MaterializedViewDropped", "DROP MATERIALIZED VIEW urgencies", {"materialized view urgencies is missing"}},
      {"MaterializedViewEmptied",
       "REFRESH MATERIALIZED VIEW urgencies WITH NO DATA",
       {"materialized view urgencies: populated was yes, is no"}},
      // functions
      {"FunctionBody",
       "CREATE OR REPLACE FUNCTION add_one(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 2'",
       {"function add_one(integer): body was SELECT n + 1, is SELECT n + 2"}},
      {"FunctionVolatility",
       "ALTER FUNCTION add_one STABLE",
       {"function add_one(integer): volatility was immutable, is stable"}},
      {"FunctionSecurity",
       "ALTER FUNCTION add_one SECURITY DEFINER",
       {"function add_one(integer): runs as was its caller, is its owner"}},
      {"FunctionSettings",
       "ALTER FUNCTION add_one SET work_mem = '1MB'",
       {"function add_one(integer): settings was none, is work_mem=1MB"}},
      {"FunctionOverloaded",
       "CREATE FUNCTION add_one(n text) RETURNS text LANGUAGE sql AS 'SELECT n || 1'",
       {"function add_one(text) was not there before"}},
      {"FunctionRevoked",
       "REVOKE EXECUTE ON FUNCTION add_one FROM PUBLIC",
       {"function add_one(integer): grants to PUBLIC was the default, is none"}},
      {"ProcedureDropped", "DROP PROCEDURE tidy", {"procedure tidy() is missing"}},
      {"AggregateChanged",
       "CREATE OR REPLACE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '1')",
       {"aggregate total(integer): definition was"}},
      // types and sequences
      {"EnumLabelAdded",
       "ALTER TYPE colour ADD VALUE 'pink' BEFORE 'green'",
       {"enum colour: labels was 'red', 'green', 'blue', is 'red', 'pink', 'green', 'blue'"}},
      {"EnumLabelRenamed",
       "ALTER TYPE colour RENAME VALUE 'red' TO 'crimson'",
       {"enum colour: labels was 'red', 'green', 'blue', is 'crimson', 'green', 'blue'"}},
      {"DomainConstraint",
       "ALTER DOMAIN quantity DROP CONSTRAINT not_none",
       {"domain quantity: constraints was not_none CHECK ((VALUE > 0)), is none"}},
      {"DomainConstraintsComment",
       "COMMENT ON CONSTRAINT not_none ON DOMAIN quantity IS 'no empty orders'",
       {"domain quantity: comment on not_none was none, is no empty orders"}},
      {"DomainDefault", "ALTER DOMAIN quantity SET DEFAULT 2", {"domain quantity: default was 1, is 2"}},
      {"CompositeAttribute",
       "ALTER TYPE address ADD ATTRIBUTE city text",
       {"column address.city was not there before"}},
      {"RangeDropped", "DROP TYPE span", {"range type span is missing"}},
      {"TypeOwner",
       "ALTER TYPE address OWNER TO shop_owner",
       {"composite type address: owner was postgres, is shop_owner"}},
      {"TypeComment",
       "COMMENT ON TYPE address IS 'where to'",
       {"composite type address: comment was none, is where to"}},
      {"SequenceIncrement", "ALTER SEQUENCE shop.ticket INCREMENT 1", {"sequence shop.ticket: increment was 5, is 1"}},
      {"SequenceNoLongerOwned",
       "ALTER SEQUENCE customers_id_seq OWNED BY NONE",
       {"sequence customers_id_seq: owned by was public.customers.id, is none"}},
      // privileges
      {"GrantLost",
       "REVOKE SELECT ON orders FROM shop_reader",
       {"table orders: grants to shop_reader was SELECT, is none"}},
      {"GrantAdded",
       "GRANT INSERT ON orders TO shop_reader WITH GRANT OPTION",
       {"table orders: grants to shop_reader was SELECT, is INSERT with grant option, SELECT"}},
      {"SchemaGrant",
       "REVOKE USAGE ON SCHEMA shop FROM shop_reader",
       {"schema shop: grants to shop_reader was USAGE, is none"}},
      {"SequenceGrant",
       "GRANT USAGE ON SEQUENCE shop.ticket TO shop_reader",
       {"sequence shop.ticket: grants to shop_reader was none, is USAGE"}},
      {"TypeGrant",
       "REVOKE USAGE ON TYPE colour FROM PUBLIC",
       {"enum colour: grants to PUBLIC was the default, is none"}},
      {"DefaultPrivileges",
       "ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT INSERT ON TABLES TO shop_reader",
       {"default privileges of postgres in shop on tables: grants to shop_reader was SELECT, is INSERT, SELECT"}},
      {"DefaultPrivilegesOfFunctions",
       "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
       {"default privileges of postgres on functions was not there before"}},
      {"DatabaseGrant",
       "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO shop_reader', current_database()); END $$",
       {"database: grants to shop_reader was none, is CREATE"}},
      // the rest
      {"DatabaseSetting",
       "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''5MB''', current_database()); END $$",
       {"database: settings was none, is work_mem=5MB"}},
      {"DatabaseSettingForOneRole",
       "DO $$ BEGIN EXECUTE format('ALTER ROLE shop_reader IN DATABASE %I SET app.key = ''secret''', "
       "current_database()); END $$",
       {"database: settings for shop_reader was none, is app.key"}},
      {"DatabaseComment",
       "DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS ''of the shop''', current_database()); END $$",
       {"database: comment was none, is of the shop"}},
      {"SchemaAdded", "CREATE SCHEMA extra", {"schema extra was not there before"}},
      {"SchemaOwner", "ALTER SCHEMA shop OWNER TO shop_owner", {"schema shop: owner was postgres, is shop_owner"}},
      {"PublicationHoldsMore",
       "ALTER PUBLICATION feed ADD TABLE customers",
       {"publication feed: table public.customers was not in it, is in it"}},
      {"PublicationColumns",
       "ALTER PUBLICATION feed SET TABLE orders (id, title) WHERE (open)",
       {"publication feed: table public.orders was in it, is in it, columns id title, where open"},
       15},
      {"PublicationSchema",
       "ALTER PUBLICATION feed ADD TABLES IN SCHEMA shop",
       {"publication feed: schema shop was not in it, is in it"},
       15},
      {"PublicationOperations",
       "ALTER PUBLICATION feed SET (publish = 'insert')",
       {"publication feed: publishes was insert, update, delete, truncate, is insert"}},
      {"ExtensionComment",
       "COMMENT ON EXTENSION plpgsql IS 'ours'",
       {"extension plpgsql: comment was PL/pgSQL procedural language, is ours"}},
      {"ForeignServerOptions",
       "ALTER SERVER far OPTIONS (SET host 'b')",
       {"foreign server far: options was host=a, is host=b"}},
      {"ForeignTableDropped", "DROP FOREIGN TABLE remote", {"foreign table remote is missing"}},
  };
  return changes;
}

std::vector<HandChange> hand_changes_for(int major) {
  std::vector<HandChange> possible;
  std::copy_if(hand_changes().begin(), hand_changes().end(), std::back_inserter(possible),
               [major](const HandChange& change) { return change.from_major <= major; });
  return possible;
}

}  // namespace pgphase::testing
