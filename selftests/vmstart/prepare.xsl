<?xml version="1.0"?>
<!-- SPDX-License-Identifier: GPL-2.0-only -->
<!--
  What makes a row of a domain? A domain of domains/ is what a user copies; here, and
  only here, it gets what a row of the matrix has in its place: name, disk, log, QEMU,
  limit, the real devices, and the backend.

  libvirt 11 has no word for iommufd and ignores that of later ones. So QEMU is told
  by libvirt's pass-through: an object on its command line, and a property of each
  assigned device.
-->
<xsl:stylesheet version="1.0"
    xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">

  <xsl:output indent="yes"/>
  <xsl:strip-space elements="*"/>

  <xsl:param name="backend"/>           <!-- type1, compat, iommufd-user, iommufd-process -->
  <xsl:param name="devices"/>           <!-- 0000:01:00.0 and so on, a space after each -->
  <xsl:param name="emulator"/>          <!-- of QEMU -->
  <xsl:param name="disk"/>              <!-- image that is booted -->
  <xsl:param name="serial"/>            <!-- file for what the guest says -->
  <xsl:param name="socket"/>            <!-- where iommufd-process gets its /dev/iommu -->
  <xsl:param name="cpu"/>               <!-- its mode; the domain's own if empty -->
  <xsl:param name="limit"/>             <!-- hard_limit in KiB; the domain's own if empty -->

  <xsl:variable name="assigned" select="/domain/devices/hostdev[@type='pci']"/>
  <xsl:variable name="iommufd" select="starts-with($backend, 'iommufd-')"/>

  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>

  <xsl:template match="/domain/name/text()">
    <xsl:value-of select="concat('vmstart-', .)"/>
  </xsl:template>
  <xsl:template match="/domain/uuid"/>

  <xsl:template match="/domain">
    <xsl:copy>
      <xsl:apply-templates select="@*|node()"/>
      <xsl:if test="$limit != '' and not(memtune)">
        <memtune><xsl:call-template name="hard-limit"/></memtune>
      </xsl:if>
      <xsl:if test="$iommufd">
        <qemu:commandline>
          <qemu:arg value="-object"/>
          <xsl:choose>
            <xsl:when test="$backend = 'iommufd-user'">
              <qemu:arg value="iommufd,id=iommufd0"/>
            </xsl:when>
            <xsl:otherwise>
              <qemu:arg value="iommufd,id=iommufd0,fd=@{$socket}"/>
            </xsl:otherwise>
          </xsl:choose>
        </qemu:commandline>
        <qemu:override>
          <xsl:for-each select="$assigned">
            <qemu:device alias="hostdev{position() - 1}">
              <qemu:frontend>
                <qemu:property name="iommufd" type="string" value="iommufd0"/>
              </qemu:frontend>
            </qemu:device>
          </xsl:for-each>
        </qemu:override>
      </xsl:if>
    </xsl:copy>
  </xsl:template>

  <xsl:template name="hard-limit">
    <hard_limit unit="KiB"><xsl:value-of select="$limit"/></hard_limit>
  </xsl:template>
  <xsl:template match="/domain/memtune">
    <xsl:copy>
      <xsl:apply-templates select="@*|node()[not(self::hard_limit and $limit != '')]"/>
      <xsl:if test="$limit != ''"><xsl:call-template name="hard-limit"/></xsl:if>
    </xsl:copy>
  </xsl:template>

  <xsl:template match="/domain/cpu/@mode">
    <xsl:attribute name="mode">
      <xsl:choose>
        <xsl:when test="$cpu != ''"><xsl:value-of select="$cpu"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="."/></xsl:otherwise>
      </xsl:choose>
    </xsl:attribute>
  </xsl:template>

  <xsl:template match="/domain/devices">
    <xsl:copy>
      <emulator><xsl:value-of select="$emulator"/></emulator>
      <xsl:apply-templates select="@*|node()[not(self::emulator)]"/>
    </xsl:copy>
  </xsl:template>

  <!-- The order is each device's own: firmware only looks at a disk that has one. -->
  <xsl:template match="/domain/os/boot"/>
  <xsl:template match="/domain/devices/disk[1]">
    <xsl:copy>
      <xsl:apply-templates select="@*|node()[not(self::boot)]"/>
      <boot order="1"/>
    </xsl:copy>
  </xsl:template>
  <xsl:template match="/domain/devices/disk[1]/source/@file">
    <xsl:attribute name="file"><xsl:value-of select="$disk"/></xsl:attribute>
  </xsl:template>

  <xsl:template match="/domain/devices/serial[1]">
    <serial type="file"><source path="{$serial}"/></serial>
  </xsl:template>

  <xsl:template match="/domain/devices/hostdev[@type='pci']">
    <xsl:variable name="n" select="count(preceding-sibling::hostdev[@type='pci'])"/>
    <xsl:copy>
      <xsl:apply-templates select="@*|node()[not(self::boot or self::source)]"/>
      <source>
        <xsl:call-template name="address">
          <xsl:with-param name="of" select="substring($devices, $n * 13 + 1, 12)"/>
        </xsl:call-template>
      </source>
      <boot order="{$n + 2}"/>
    </xsl:copy>
  </xsl:template>
  <xsl:template name="address">
    <xsl:param name="of"/>
    <address domain="0x{substring($of, 1, 4)}" bus="0x{substring($of, 6, 2)}"
             slot="0x{substring($of, 9, 2)}" function="0x{substring($of, 12, 1)}"/>
  </xsl:template>
</xsl:stylesheet>
