# What `make install` puts where, under DESTDIR and PREFIX.
if(TARGET hink)
  install(TARGETS hink RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES docs/hink.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES conf/completion/hink.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME hink)
install(FILES conf/hink.conf conf/europe-se-1a.conf conf/europe-se-1b.conf
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# What depends on the prefix is settled when installing, since --prefix may differ from the
# configured one. /etc is the system's when the prefix is /usr. file(INSTALL) adds DESTDIR itself.
install(CODE "
  set(bindir \"${CMAKE_INSTALL_BINDIR}\")
  set(source \"${PROJECT_SOURCE_DIR}\")
  set(binary \"${PROJECT_BINARY_DIR}\")")
install(CODE [[
  if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(etc /etc/hink)
  else()
    set(etc "${CMAKE_INSTALL_PREFIX}/etc/hink")
  endif()

  # What the administrator wrote is never replaced; the example lies with the documents.
  if(NOT EXISTS "$ENV{DESTDIR}${etc}/hink.conf")
    file(INSTALL DESTINATION "${etc}" TYPE FILE FILES "${source}/conf/hink.conf")
  endif()

  set(HINK_BIN "${CMAKE_INSTALL_PREFIX}/${bindir}/hink")
  set(HINK_CONF "${etc}/hink.conf")
  configure_file("${source}/conf/hink.service" "${binary}/hink.service" @ONLY)
  file(INSTALL DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system" TYPE FILE
       FILES "${binary}/hink.service")
]])
