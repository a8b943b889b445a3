// Text of others, such as a plan's description or a name in the catalogue, for a line of a report. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace pgphase {

// Control characters (line feeds, and the escapes that a terminal obeys) become blanks, several blanks one, and none is
// left at the ends. `text` is UTF-8; what is not stays as it is.
std::string one_line(std::string_view text);

}  // namespace pgphase
