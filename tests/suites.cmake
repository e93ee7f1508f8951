# What is neither a unit nor a client: the library that shows what a power cut would leave.
add_library(power_shim SHARED ${CMAKE_CURRENT_SOURCE_DIR}/fault/shim/shim.c)
set_target_properties(power_shim PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_link_libraries(power_shim PRIVATE ${CMAKE_DL_LIBS} Threads::Threads)
