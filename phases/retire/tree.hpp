// Internal to phases/retire.
#pragma once

namespace pgphase {

// SQL of a set of oids: the table $1 and, where it is partitioned, all that belongs to it.
inline constexpr const char* k_tree =
    "(SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass))";

}  // namespace pgphase
