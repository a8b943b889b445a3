// SHA-256 (FIPS 180-4) of a text, as 64 hex digits: the ledger recognises an edited plan by it. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace pgphase {

std::string sha256_hex(std::string_view bytes);

}  // namespace pgphase
